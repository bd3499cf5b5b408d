// Linking a device: by pointing the phone at a code, or by typing one.

import { act, open, openPhone, refresh, state } from "./app.js";
import { el, fill, post } from "./dom.js";
import { bar } from "./screens.js";
import { clock, plus } from "./words.js";

export function drawLink() {
  const phone = openPhone();
  const who = phone ? plus(phone.number) : "a new phone";
  const codes = el("div", { class: "stack" });
  const linked = el("div", { class: "stack" });
  const passkeys = passkeyPart();
  const enter = codeForm();
  const body = el(
    "div",
    { class: "body" },
    passkeys.node,
    el("section", { class: "part" }, el("h3", {}, "Scan a code"), codes),
    el("section", { class: "part" }, el("h3", {}, "Enter a code"), enter.form),
    el("section", { class: "part" }, el("h3", {}, "Linked devices"), linked),
    el("details", { class: "part" }, el("summary", {}, "Scan from a text"), textForm()),
  );
  const update = () => {
    fill(codes, codeLines(who));
    fill(linked, deviceLines());
    passkeys.update();
    enter.update();
  };
  return { header: bar("Link a device", phone ? `${phone.name}, ${who}` : "with a new phone"), body, update };
}

function codeLines(who) {
  const { codes, sees } = state.codes;
  if (codes.length > 0) {
    return codes.map((c) =>
      el(
        "button",
        { type: "button", class: "code", "data-key": `scan ${c.client}`, disabled: state.busy === `scan ${c.client}`, onclick: () => scan(c) },
        el("span", { class: "qr", "aria-hidden": "true" }),
        el("span", { class: "who" }, el("strong", {}, c.name), el("span", { class: "last" }, `Scan with ${who}`)),
      ),
    );
  }
  const qr = state.view.waiting.filter((w) => !w.phone);
  if (qr.length > 0) {
    const why = sees ? "looking at the screen…" : "copy its text below: the simulator cannot see the screen that shows it.";
    return [el("p", {}, `A device has been waiting since ${clock(qr[0].since)}; ${why}`)];
  }
  return [el("p", {}, "No code waits. Add a number in the dashboard, or press “Link phone” on one: its code appears here.")];
}

async function scan(code) {
  const done = (told) => `${plus(told.phone)} is linked with ${code.name}.`;
  const told = await act(`scan ${code.client}`, done, () => post("/camera/scan", { client: code.client, phone: state.phone }));
  if (told) open({ phone: told.phone, tab: "chats" });
}

// What a browser on web.whatsapp.com gives, for the dashboard to take; kept while the phone is asked.
const answers = {};

function passkeyPart() {
  const list = el("div", { class: "stack" });
  const node = el("section", { class: "part" }, el("h3", {}, "Passkey"), list);
  let shown = "";
  const update = () => {
    const asked = state.view.passkeys;
    node.hidden = asked.length === 0;
    const now = JSON.stringify([asked, asked.map((a) => answers[a.socket])]);
    if (now === shown) return; // somebody may be selecting the answer
    shown = now;
    fill(list, asked.flatMap(passkeyLines));
  };
  return { node, update };
}

function passkeyLines(asked) {
  const answer = answers[asked.socket];
  const approve = async () => {
    const told = await act(`approve ${asked.socket}`, "Approved: paste the answer into the dashboard.", () => post("/passkey", { phone: asked.number }));
    if (!told) return;
    answers[asked.socket] = JSON.stringify(told.response);
    await refresh();
  };
  const refuse = () => act(`refuse ${asked.socket}`, "Refused: the dashboard says so.", () => post("/passkey/refuse", { phone: asked.number }));
  return [
    el("p", {}, `A device that is being linked wants the passkey of ${plus(asked.number)}. A real one is used in a browser on web.whatsapp.com; here a button takes its place.`),
    asked.code && el("p", {}, "Compare it with the dashboard: ", el("strong", { class: "compare" }, asked.code)),
    el(
      "div",
      { class: "row" },
      el("button", { type: "button", class: "primary", "data-key": `approve ${asked.socket}`, onclick: approve }, "Approve with passkey"),
      el("button", { type: "button", "data-key": `refuse ${asked.socket}`, onclick: refuse }, "Refuse"),
      answer && el("button", { type: "button", "data-key": `copy ${asked.socket}`, onclick: () => act("copy", "Copied.", () => navigator.clipboard.writeText(answer)) }, "Copy the answer"),
    ),
    answer && el("label", {}, "The answer, for the dashboard ", el("textarea", { rows: "4", readonly: true, spellcheck: "false" }, answer)),
  ].filter(Boolean);
}

function codeForm() {
  const number = el("input", { name: "phone", required: true, inputmode: "tel", autocomplete: "off", value: state.phone, placeholder: "5511912345678" });
  const code = el("input", { name: "code", required: true, autocomplete: "off", autocapitalize: "characters", spellcheck: "false", maxlength: "9", placeholder: "ABCD-1234" });
  const hint = el("p", { hidden: true });
  const form = el(
    "form",
    {
      class: "stack",
      onsubmit: async (e) => {
        e.preventDefault();
        const phone = number.value.replace(/\D/g, "");
        const told = await act("code", (t) => `${plus(t.phone)} is linked.`, () => post("/code", { phone, code: code.value }));
        if (told) open({ phone: told.phone, tab: "chats" });
      },
    },
    hint,
    el("label", {}, "Number ", number),
    el("label", {}, "Code ", code),
    el("button", { class: "primary" }, "Enter code"),
  );
  const update = () => {
    const waiting = state.view.waiting.filter((w) => w.phone);
    hint.hidden = waiting.length === 0;
    hint.textContent = waiting.length === 0 ? "" : `A device waits for its code to be entered on ${waiting.map((w) => plus(w.phone)).join(", ")}.`;
    if (waiting.length > 0 && !waiting.some((w) => w.phone === number.value.replace(/\D/g, "")) && document.activeElement !== number) number.value = waiting[0].phone;
  };
  return { form, update };
}

function textForm() {
  const text = el("textarea", { name: "qr", rows: "3", required: true, autocomplete: "off", spellcheck: "false" });
  return el(
    "form",
    {
      class: "stack",
      onsubmit: async (e) => {
        e.preventDefault();
        const told = await act("text", (t) => `${plus(t.phone)} is linked.`, () => post("/scan", { qr: text.value.trim(), phone: state.phone }));
        if (told) open({ phone: told.phone, tab: "chats" });
      },
    },
    el("label", {}, "The text of the QR code ", text),
    el("button", {}, "Scan"),
  );
}

function deviceLines() {
  const devices = openPhone()?.devices ?? [];
  if (devices.length === 0) return [el("p", {}, "None. A phone with a linked device is one of chasqui’s numbers.")];
  return devices.map((d) =>
    el(
      "p",
      { class: "device" },
      el("span", { class: d.online ? "dot on" : "dot", "aria-hidden": "true" }),
      `Device ${d.id}: ${d.online ? "online" : "offline"}`,
      d.pending > 0 ? `, ${d.pending} waiting for it` : "",
    ),
  );
}
