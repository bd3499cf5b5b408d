// The pocket phone: what is open, and keeping up with the simulator.

import { get } from "./dom.js";
import { drawNetwork, drawRail } from "./desk.js";
import { drawScreen } from "./screens.js";
import { sentence } from "./words.js";

const retryAfter = 1500;

/** Everything the page knows. The view is the simulator's, the rest is ours. */
export const state = {
  view: null,
  codes: { codes: [], sees: true },
  phone: localStorage.getItem("phone") ?? "",
  tab: "chats",
  peer: "", // the chat that is open
  seen: JSON.parse(localStorage.getItem("seen") ?? "{}"), // per phone, the last entry looked at
  drafts: {}, // what is being written, per chat
  busy: "",
};

export const phoneOf = (number) => state.view?.phones.find((p) => p.number === number);
export const openPhone = () => phoneOf(state.phone);
export const nameOf = (number) => phoneOf(number)?.name ?? `+${number}`;

/** Says what just happened, on the page and to screen readers. */
export function say(text, bad = false) {
  const now = document.getElementById("now");
  now.textContent = text;
  now.classList.toggle("bad", bad);
}

// What somebody did is answered for long enough to be read; what happens
// meanwhile is said after it, the last of it only.
const answerStands = 3000;
let answeredAt = -answerStands;
let news = 0;

function answer(text, bad) {
  say(text, bad);
  answeredAt = performance.now();
}

function report(text) {
  clearTimeout(news);
  news = setTimeout(() => say(text), Math.max(0, answeredAt + answerStands - performance.now()));
}

/** Does something for somebody, and says how it went. */
export async function act(key, done, work) {
  state.busy = key;
  draw();
  try {
    const told = await work();
    answer(typeof done === "function" ? done(told) : done);
    return told;
  } catch (err) {
    answer(`That did not work: ${err.message}`, true);
    return null;
  } finally {
    state.busy = "";
    await refresh();
  }
}

/** Opens a phone, a tab of it, or a chat. */
export function open({ phone = state.phone, tab = "chats", peer = "" }) {
  const moved = phone !== state.phone;
  Object.assign(state, { phone, tab, peer });
  localStorage.setItem("phone", phone);
  look();
  draw();
  if (moved) refresh();
  if (tab === "link") lookAround();
}

// look remembers what of the open phone has been seen.
function look() {
  const got = openPhone()?.got ?? [];
  if (document.hidden || got.length === 0) return;
  state.seen[state.phone] = got[got.length - 1];
  localStorage.setItem("seen", JSON.stringify(state.seen));
}

export const unseen = (phone) => phone.got.filter((seq) => seq > (state.seen[phone.number] ?? 0)).length;

function draw() {
  if (!state.view) return;
  drawRail();
  drawScreen();
  drawNetwork();
}

let told = -1;

function take(view) {
  const first = state.view === null;
  state.view = view;
  if (!openPhone()) state.phone = "";
  if (first && !state.phone && view.phones.length > 0) state.phone = view.phones[0].number;
  if (first && (!state.phone || view.waiting.length > 0)) state.tab = "link";
  look();
  draw();
  const last = view.happened.filter(sentence).at(-1);
  if (last && last.seq > told && !first) report(sentence(last));
  if (first) say("Ready.");
  told = Math.max(told, view.seq);
}

const viewPath = (after) => `/view?phone=${encodeURIComponent(state.phone)}&after=${after}`;

/** Reads the view at once. */
export async function refresh() {
  try {
    const phone = state.phone;
    const view = await get(viewPath(-1));
    if (phone !== state.phone) return;
    const wasWaiting = state.view?.waiting.length;
    take(view);
    if (view.waiting.length !== wasWaiting) lookAround();
  } catch {
    say("The simulator does not answer. Trying again…", true);
  }
}

// follow asks for news for ever; the simulator answers when there are some.
async function follow() {
  for (;;) {
    const phone = state.phone;
    try {
      const view = await get(viewPath(state.view ? state.view.seq : -1));
      if (phone === state.phone) {
        const before = JSON.stringify(state.view?.waiting);
        take(view);
        if (JSON.stringify(view.waiting) !== before) lookAround();
      } else await refresh();
    } catch {
      say("The simulator does not answer. Trying again…", true);
      await new Promise((go) => setTimeout(go, retryAfter));
    }
  }
}

/** Looks for codes on the screens of the platform. */
export async function lookAround() {
  try {
    state.codes = await get("/camera");
    draw();
  } catch {
    // Shown as no codes; the next look comes soon.
  }
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refresh();
});
// A code appears on the platform's screen a moment after its device began to wait.
setInterval(() => {
  if (!document.hidden && state.tab === "link" && state.view?.waiting.length > 0) lookAround();
}, 1500);
for (const button of document.querySelectorAll("[data-tab]")) {
  button.addEventListener("click", () => open({ tab: button.dataset.tab }));
}
follow();
