// One conversation, as the open phone shows it.

import { act, nameOf, open, state } from "./app.js";
import { el, post } from "./dom.js";
import { bar } from "./screens.js";
import { clock, day, plus, preview } from "./words.js";

const nearEnd = 80; // px

export function drawChat() {
  const { phone, peer } = state;
  const list = el("ol");
  const log = el("div", { class: "bubbles", role: "log", "aria-label": `Messages with ${nameOf(peer)}`, tabindex: "0" }, list);
  const shown = new Map(); // by entry of the simulator's ledger
  let lastDay = "";
  const update = () => {
    const atEnd = shown.size === 0 || log.scrollHeight - log.scrollTop - log.clientHeight < nearEnd;
    for (const m of state.view.messages) {
      if (m.from !== peer && m.to !== peer) continue;
      if (!shown.has(m.seq)) {
        const today = day(m.time);
        if (today !== lastDay) list.append(el("li", { class: "day" }, (lastDay = today)));
        shown.set(m.seq, bubble(m, phone));
        list.append(shown.get(m.seq));
      }
      if (m.from === phone) tick(shown.get(m.seq).querySelector(".tick"), state.view.ticks[m.id]);
    }
    if (atEnd) log.scrollTop = log.scrollHeight;
  };
  return { header: bar(nameOf(peer), plus(peer), () => open({})), body: el("div", { class: "body talk" }, log, composer(phone, peer)), update };
}

function bubble(m, phone) {
  const own = m.from === phone;
  return el(
    "li",
    { class: own ? "own" : "theirs" },
    el("p", { class: m.err ? "text odd" : "text", dir: "auto" }, preview(m)),
    el("span", { class: "meta" }, el("time", { datetime: m.time }, clock(m.time)), own && el("span", { class: "tick" })),
  );
}

const ticks = { read: ["✓✓", "read"], delivered: ["✓✓", "delivered"] };

function tick(node, stage) {
  const [mark, name] = ticks[stage] ?? ["✓", "sent"];
  if (node.dataset.stage === name) return;
  node.dataset.stage = name;
  node.replaceChildren(el("span", { "aria-hidden": "true" }, mark), el("span", { class: "unseen" }, name));
  node.title = name;
}

function composer(phone, peer) {
  const key = `${phone} ${peer}`;
  const text = el("textarea", { name: "text", rows: "1", required: true, maxlength: "4096", placeholder: "Message", "aria-label": `Message to ${nameOf(peer)}` });
  text.value = state.drafts[key] ?? "";
  text.addEventListener("input", () => (state.drafts[key] = text.value));
  const form = el(
    "form",
    {
      class: "composer",
      onsubmit: async (e) => {
        e.preventDefault();
        const body = text.value.trim();
        if (!body) return;
        text.value = state.drafts[key] = "";
        const sent = await act("write", `Sent to ${nameOf(peer)}.`, () => post("/write", { from: phone, to: peer, text: body }));
        if (!sent && !text.value) text.value = state.drafts[key] = body;
        text.focus();
      },
    },
    text,
    el("button", { class: "primary round", "aria-label": "Send" }, "➤"),
  );
  text.addEventListener("keydown", (e) => {
    if (e.key !== "Enter" || e.shiftKey || e.isComposing) return;
    e.preventDefault();
    form.requestSubmit();
  });
  return form;
}
