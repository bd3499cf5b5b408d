// How the open phone behaves.

import { act, openPhone, state } from "./app.js";
import { el, put } from "./dom.js";
import { bar } from "./screens.js";
import { plus } from "./words.js";

const never = -1;
const slow = { delivered_after_ms: 8000, read_after_ms: 20000 };

// Each switch reads a behaviour and gives the one with the switch thrown.
const switches = [
  {
    name: "Slow",
    about: "Messages arrive after 8 seconds and are read after 20.",
    on: (b) => b.delivered_after_ms === slow.delivered_after_ms,
    set: (b, on) => ({ ...b, delivered_after_ms: on ? slow.delivered_after_ms : 0, read_after_ms: b.read_after_ms === never ? never : on ? slow.read_after_ms : 0 }),
  },
  {
    name: "Never reads",
    about: "Messages arrive, no read receipt comes.",
    on: (b) => b.read_after_ms === never,
    set: (b, on) => ({ ...b, read_after_ms: on ? never : b.delivered_after_ms === slow.delivered_after_ms ? slow.read_after_ms : 0 }),
  },
  {
    name: "Blocked",
    about: "It has blocked everybody: messages are taken and never arrive.",
    on: (b) => b.blocked === true,
    set: (b, on) => ({ ...b, blocked: on }),
  },
  {
    name: "Not on WhatsApp",
    about: "There is no account behind this number.",
    on: (b) => b.not_on_whatsapp === true,
    set: (b, on) => ({ ...b, not_on_whatsapp: on }),
  },
  {
    name: "Wants a passkey",
    about: "Linking a device takes one more step: “Link a device” shows it.",
    on: (b) => Boolean(b.passkey),
    set: (b, on) => ({ ...b, passkey: on ? "ask" : "" }),
  },
];

export function drawSettings() {
  const phone = openPhone();
  if (!phone) {
    return { header: bar("Settings", "No phone is open"), body: el("div", { class: "body" }, el("div", { class: "empty" }, el("p", {}, "Add a phone first."))), update: () => {} };
  }
  const rows = switches.map((s) => row(s));
  const name = field("Name", "push_name", 40);
  const answer = field("Answers every text with", "auto_reply", 500);
  const body = el("div", { class: "body" }, el("section", { class: "part" }, rows.map((r) => r.node)), el("section", { class: "part stack" }, name.node, answer.node));
  const update = () => {
    const behaviour = openPhone()?.behaviour ?? {};
    for (const part of [...rows, name, answer]) part.update(behaviour);
  };
  return { header: bar("Settings", `${phone.name}, ${plus(phone.number)}`), body, update };
}

const save = (what, next) => {
  const number = state.phone;
  return act("settings", what, () => put(`/phones/${number}`, next));
};

function row(s) {
  const id = `switch-${s.name.replaceAll(" ", "-").toLowerCase()}`;
  const box = el("input", {
    type: "checkbox",
    role: "switch",
    id,
    "aria-describedby": `${id}-about`,
    onchange: () => save(`${plus(state.phone)}: ${s.name.toLowerCase()} ${box.checked ? "on" : "off"}.`, s.set(openPhone().behaviour, box.checked)),
  });
  const node = el("div", { class: "switch" }, el("label", { for: id }, s.name), box, el("p", { id: `${id}-about` }, s.about));
  return { node, update: (b) => (box.checked = s.on(b)) };
}

function field(label, key, most) {
  const input = el("input", {
    maxlength: String(most),
    autocomplete: "off",
    onchange: () => save("Saved.", { ...openPhone().behaviour, [key]: input.value }),
  });
  const update = (b) => {
    if (document.activeElement !== input) input.value = b[key] ?? "";
  };
  return { node: el("label", {}, `${label} `, input), update };
}
