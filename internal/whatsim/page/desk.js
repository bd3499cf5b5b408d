// What lies around the phone: the list of phones, and the network's switches.

import { act, open, phoneOf, state, unseen } from "./app.js";
import { el, fill, post, remove } from "./dom.js";
import { face } from "./screens.js";
import { clock, plus, preview, sentence } from "./words.js";

const happenedLines = 20;

export function drawRail() {
  fill(document.getElementById("phones"), state.view.phones.map(railLine));
  fill(
    document.getElementById("happened"),
    state.view.happened.map((e) => [e, sentence(e)]).filter(([, said]) => said).slice(-happenedLines).reverse()
      .map(([e, said]) => el("li", {}, el("time", { datetime: e.time }, clock(e.time)), " ", said)),
  );
  const form = document.getElementById("add-form");
  form.onsubmit ??= addPhone;
}

function railLine(phone) {
  const news = phone.number === state.phone ? 0 : unseen(phone);
  const linked = phone.devices.length > 0;
  const online = phone.devices.some((d) => d.online);
  return el(
    "li",
    {},
    el(
      "button",
      { type: "button", class: "line", "data-key": `phone ${phone.number}`, "aria-current": phone.number === state.phone ? "true" : false, onclick: () => open({ phone: phone.number }) },
      face(phone.number),
      el("span", { class: "who" }, el("strong", {}, phone.name), el("span", { class: "last" }, phone.last ? preview(phone.last) : plus(phone.number))),
      linked && el("span", { class: online ? "badge on" : "badge", title: "A device is linked with this phone" }, online ? "linked" : "offline"),
      news > 0 && el("span", { class: "news" }, String(news), el("span", { class: "unseen" }, " new")),
    ),
  );
}

async function addPhone(e) {
  e.preventDefault();
  const form = e.target;
  const body = { number: form.number.value.replace(/\D/g, ""), name: form.name.value.trim() };
  const phone = await act("add", (p) => `${plus(p.number)} is a phone now.`, () => post("/phones", body));
  if (!phone) return;
  form.reset();
  document.getElementById("add").open = false;
  open({ phone: phone.number, tab: "chats" });
}

let network = null;

/** The switches of the network; they act on a number that has a linked device. */
export function drawNetwork() {
  network ??= buildNetwork();
  network.update();
}

function buildNetwork() {
  const target = el("select", { id: "target", onchange: () => drawNetwork() });
  const refuse = el("input", { type: "checkbox", role: "switch", id: "refuse", onchange: () => setRefusal(target.value, refuse.checked) });
  const span = el("select", { "aria-label": "How long the ban lasts" }, [[1, "1 minute"], [10, "10 minutes"], [60, "1 hour"]].map(([m, text]) => el("option", { value: m }, text)));
  const ban = button("Ban for", () => post("/ban", { phone: target.value, expire_s: 60 * Number(span.value) }), () => `${plus(target.value)} is banned for a while: watch its state change in the dashboard.`);
  const lift = button("Lift the ban", () => post("/unban", { phone: target.value }), () => `${plus(target.value)} may connect again.`);
  const drop = button("Drop the connection", () => post("/drop", { phone: target.value }), (t) => (t.count > 0 ? `The connection of ${plus(target.value)} was cut: chasqui sets it up again.` : `${plus(target.value)} had no connection.`));
  const out = button("Unlink", () => post("/logout", { phone: target.value }), () => `${plus(target.value)} was unlinked: in the dashboard, “Link phone” links it again.`);
  const down = el("input", { type: "checkbox", role: "switch", id: "down", onchange: () => setDown(down.checked) });
  const banned = el("p", { class: "note" });
  const banRow = el("div", { class: "row" }, lift, banned);
  const none = el("p", { class: "note" }, "No phone has a linked device yet: the switches act on linked numbers.");
  const acts = el(
    "div",
    { class: "stack" },
    el("label", {}, "Number ", target),
    el("div", { class: "switch" }, el("label", { for: "refuse" }, "Refuse its messages with 463"), refuse),
    el("div", { class: "row" }, ban, span),
    banRow,
    el("div", { class: "row" }, drop, out),
  );
  document.getElementById("network").append(
    el("h2", { id: "network-title" }, "Network"),
    none,
    acts,
    el("div", { class: "switch" }, el("label", { for: "down" }, "WhatsApp refuses every connection"), down),
  );
  const update = () => {
    const linked = state.view.phones.filter((p) => p.devices.length > 0);
    none.hidden = linked.length > 0;
    acts.hidden = linked.length === 0;
    options(target, linked);
    const refusal = phoneOf(target.value)?.refusal;
    const active = Boolean(refusal) && !(refusal.until && new Date(refusal.until) < new Date());
    banRow.hidden = !active;
    banned.textContent = active ? (refusal.until ? `Banned until ${clock(refusal.until)}.` : "Banned until you lift it.") : "";
    refuse.checked = refusalsOf(target.value).length > 0;
    down.checked = state.view.refusing;
  };
  return { update };
}

// options brings a list of numbers up to date without closing it under somebody's hand.
function options(select, phones) {
  const now = phones.map((p) => `${p.number} ${p.name}`).join("|");
  if (select.dataset.now === now) return;
  const chosen = select.value;
  select.dataset.now = now;
  fill(select, phones.map((p) => el("option", { value: p.number }, `${p.name} (${plus(p.number)})`)));
  if (phones.some((p) => p.number === chosen)) select.value = chosen;
}

const button = (text, work, done) => el("button", { type: "button", onclick: () => act(text, done, work) }, text);

const refusalsOf = (number) => state.view.rules.filter((r) => r.action === "ack_error" && r.sender === number);

const setRefusal = (number, on) =>
  act("refuse", on ? `What ${plus(number)} sends is refused with 463 now.` : `What ${plus(number)} sends is taken again.`, async () => {
    if (on) return post("/rules", { action: "ack_error", code: 463, sender: number });
    for (const rule of refusalsOf(number)) await remove(`/rules/${rule.id}`);
    return {};
  });

const setDown = (on) => act("down", on ? "Every connection is refused now." : "Connections are taken again.", () => post("/refuse", { refuse: on }));
