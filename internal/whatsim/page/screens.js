// The screens of the open phone. Each is built once for what is open and then
// only brought up to date, so that nobody loses what they are typing.

import { nameOf, open, openPhone, state } from "./app.js";
import { drawChat } from "./chat.js";
import { drawLink } from "./link.js";
import { drawSettings } from "./settings.js";
import { el, fill } from "./dom.js";
import { clock, plus, preview } from "./words.js";

const builders = { chats: () => (state.peer ? drawChat() : drawChats()), link: drawLink, settings: drawSettings };

let built = { key: null, update: () => {} };

export function drawScreen() {
  const key = JSON.stringify([state.phone, state.tab, state.peer]);
  if (key !== built.key) {
    const { header, body, update } = builders[state.tab]();
    const screen = document.getElementById("screen");
    screen.replaceChildren(header, body);
    built = { key, update };
  }
  built.update();
  for (const button of document.querySelectorAll("[data-tab]")) {
    button.toggleAttribute("aria-current", button.dataset.tab === state.tab);
    if (button.dataset.tab === state.tab) button.setAttribute("aria-current", "page");
  }
}

/** The bar at the top of a screen. */
export function bar(title, subtitle, back) {
  return el(
    "header",
    { class: "bar" },
    back && el("button", { type: "button", class: "icon", "aria-label": "Back to the chats", onclick: back }, "←"),
    el("div", {}, el("h2", {}, title), el("p", {}, subtitle)),
  );
}

/** A round picture of somebody: the first letter, in a colour of their own. */
export function face(number) {
  let sum = 0;
  for (const digit of number) sum = (sum * 7 + Number(digit)) % 8;
  const letter = nameOf(number).replace(/^(Phone|\+)\s*/, "").slice(0, 1).toUpperCase() || "?";
  return el("span", { class: `face c${sum}`, "aria-hidden": "true" }, letter);
}

function drawChats() {
  const list = el("ul", { class: "chats", "aria-label": "Chats" });
  const empty = el("div", { class: "empty" });
  const to = el("input", { name: "to", required: true, inputmode: "tel", autocomplete: "off", list: "numbers", placeholder: "number", "aria-label": "Number to write to" });
  const numbers = el("datalist", { id: "numbers" });
  const form = el(
    "form",
    {
      class: "inline",
      onsubmit: (e) => {
        e.preventDefault();
        const peer = to.value.replace(/\D/g, "");
        if (peer) open({ peer });
      },
    },
    to,
    numbers,
    el("button", { class: "primary" }, "New chat"),
  );
  const body = el("div", { class: "body" }, empty, list, state.phone && form);
  const phone = openPhone();
  const update = () => {
    const chats = chatsOf(state.view.messages);
    fill(list, chats.map(([peer, last]) => chatLine(peer, last)));
    fill(empty, ...(chats.length > 0 ? [] : welcome()));
    empty.hidden = chats.length > 0;
    fill(numbers, state.view.phones.filter((p) => p.number !== state.phone).map((p) => el("option", { value: p.number }, p.name)));
  };
  return { header: bar(phone ? phone.name : "No phone yet", phone ? plus(phone.number) : "Add one, or scan a code"), body, update };
}

function welcome() {
  if (!state.phone) {
    return [
      el("p", {}, "There is no phone yet. Any number is one as soon as somebody writes to it."),
      el("button", { type: "button", class: "primary", onclick: () => open({ tab: "link" }) }, "Scan a code with a new phone"),
    ];
  }
  if (openPhone()?.devices.length > 0) {
    return [el("p", {}, "This phone is one of chasqui’s numbers now. Write to somebody from the dashboard’s inbox: whoever gets it becomes a phone in the list.")];
  }
  return [el("p", {}, `Nothing here yet. Whatever is sent to ${plus(state.phone)} appears by itself.`)];
}

// chatsOf lists whom the phone talked to, with the last message; the latest first.
function chatsOf(messages) {
  const last = new Map();
  for (const m of messages) {
    const peer = m.from === state.phone ? m.to : m.from;
    last.delete(peer);
    last.set(peer, m);
  }
  return [...last].reverse();
}

function chatLine(peer, last) {
  return el(
    "li",
    {},
    el(
      "button",
      { type: "button", class: "line", "data-key": `chat ${peer}`, onclick: () => open({ peer }) },
      face(peer),
      el("span", { class: "who" }, el("strong", {}, nameOf(peer)), el("span", { class: "last" }, last.from === state.phone ? `You: ${preview(last)}` : preview(last))),
      el("time", { datetime: last.time }, clock(last.time)),
    ),
  );
}

