// Elements are made here and nowhere else. Text only ever becomes text: what
// people are called and what they write is never read as markup.

/** Makes an element. Of the properties, on* are listeners, the rest are attributes; false and null are left out. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

/** Puts other children into an element, and keeps the focus where it was, by data-key. */
export function fill(node, ...children) {
  const key = node.contains(document.activeElement) && document.activeElement.dataset.key;
  node.replaceChildren(...children.flat().filter(Boolean));
  if (key) node.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
}

const server = async (method, path, body) => {
  const answer = await fetch(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error ?? `The simulator answers ${answer.status}.`);
  return told;
};

export const get = (path) => server("GET", path);
export const post = (path, body) => server("POST", path, body);
export const put = (path, body) => server("PUT", path, body);
export const remove = (path) => server("DELETE", path);
