import { expect, test } from "vitest";
import type { Event, Figures } from "@/api/generated";
import { reason } from "@/features/home/reason";
import { fates, share, sum, windowOf } from "@/features/home/series";
import { lines, tell, toneOf } from "@/features/home/tell";
import { fill } from "@/lib/i18n";
import { en } from "@/messages/en";

const figures = (more: Partial<Figures> = {}): Figures => ({
  at: "2026-11-22T10:00:00Z",
  accepted: 10,
  sent: 8,
  delivered: 6,
  read: 4,
  failed: 1,
  received: 3,
  ...more,
});

test("each message has one fate", () => {
  expect(fates(figures())).toEqual({ read: 4, delivered: 2, sent: 2, waiting: 1, failed: 1 });
  const all = Object.values(fates(figures())).reduce((a, b) => a + b, 0);
  expect(all).toBe(10);
});

test("what failed after it was sent is not counted twice below zero", () => {
  expect(fates(figures({ accepted: 8, failed: 2 })).waiting).toBe(0);
});

test("figures are added up by name", () => {
  expect(sum([figures(), figures({ accepted: 1 })])).toEqual({ accepted: 11, sent: 16, delivered: 12, read: 8, failed: 2, received: 6 });
});

test("there is no share of nothing", () => {
  expect(share(0, 0)).toBeUndefined();
  expect(share(1, 4)).toBe(0.25);
});

test("a range is whole hours or days, the current one included", () => {
  const now = new Date(2026, 10, 22, 15, 20);
  const day = windowOf("24h", now);
  expect([new Date(day.from), new Date(day.to), day.step]).toEqual([new Date(2026, 10, 21, 16), new Date(2026, 10, 22, 16), "hour"]);
  const week = windowOf("7d", now);
  expect([new Date(week.from), new Date(week.to), week.step]).toEqual([new Date(2026, 10, 16), new Date(2026, 10, 23), "day"]);
});

let made = 0;
const event = (type: string, data: object = {}, client?: string): Event => ({
  id: `evt_${++made}`,
  type,
  api_version: "2026-11-01",
  created_at: "2026-11-22T10:00:00Z",
  org_id: "org_1",
  data,
  ...(client ? { client_id: client } : {}),
});

const translator = {
  language: "en" as const,
  t: (key: keyof typeof en, values?: Record<string, string | number>) => fill(en[key], values),
  word: (prefix: string, value: string, fallback?: string) => (en as Record<string, string>)[`${prefix}.${value}`] ?? fallback ?? value,
};
const names = new Map([
  ["cli_1", "Support"],
  ["chat_9", "Ana"],
]);
const said = (e: Event) => tell(e, names, translator);

test.each([
  [
    "message.received",
    { message: { id: "m", direction: "inbound", chat_id: "chat_1", from: { phone: "+5511987654321" } } },
    "+55 11 98765 4321 wrote to Support",
  ],
  ["message.read", { message: { id: "m", direction: "outbound", to: { phone: "+5511987654321" } } }, "+55 11 98765 4321 read the message"],
  [
    "message.read",
    { message: { id: "m", direction: "outbound", chat_id: "chat_9", to: { phone: "+5511987654321" } } },
    "Ana read the message",
  ],
  ["message.failed", { message: { id: "m", direction: "outbound", to: {} } }, "The message to somebody failed"],
  ["client.connected", { client: { id: "cli_1", name: "Sales" } }, "Sales is online"],
  ["client.limits_changed", { client_id: "cli_1" }, "The limits of Support were changed"],
  ["endpoint.failing", { endpoint_id: "ep_1", url: "https://shop.example.com/hook?x=1" }, "shop.example.com does not take what we send"],
  ["security.alert", { kind: "something_new", message: "Ten sign-ins failed" }, "Ten sign-ins failed"],
  [
    "security.alert",
    { kind: "failed_sign_ins", count: 12, window_seconds: 600, message: "" },
    "12 sign-ins of one account failed in 10 min",
  ],
  ["something.new", {}, "something.new"],
])("%s is told in plain words", (type, data, text) => {
  expect(said(event(type, data, "cli_1")).text).toBe(text);
});

test("markup that somebody sends stays text, and braces of theirs fill nothing in", () => {
  expect(said(event("client.connected", { client: { name: "<b>{who}</b>" } })).text).toBe("<b>{who}</b> is online");
});

test("an event leads to what it is about, unless that is gone", () => {
  expect(said(event("message.sent", { message: { id: "m", chat_id: "chat_1" } }, "cli_1")).to).toEqual({
    path: "/inbox/$chat",
    chat: "chat_1",
  });
  expect(said(event("endpoint.failing", { endpoint_id: "ep_1" })).to).toEqual({ path: "/webhooks/$webhook", webhook: "ep_1" });
  expect(said(event("client.banned", {}, "cli_1")).to).toEqual({ path: "/clients/$client", client: "cli_1" });
  expect(said(event("client.deleted", {}, "cli_1")).to).toBeUndefined();
});

test("a message that moves on has one line, the last step", () => {
  const m = (status: string) => event(`message.${status}`, { message: { id: "msg_1" } });
  const other = event("message.sent", { message: { id: "msg_2" } });
  const linking = event("client.changed", { client: { id: "cli_1", desired: "pairing" } });
  const newestFirst = [event("chat.updated"), m("read"), m("delivered"), other, m("sent"), event("client.connected"), linking];
  expect(lines(newestFirst, 10).map((e) => e.type)).toEqual(["message.read", "message.sent", "client.connected"]);
  expect(lines(newestFirst, 1)).toHaveLength(1);
});

test("what is bad looks bad", () => {
  expect([toneOf("message.failed"), toneOf("client.restricted"), toneOf("message.read"), toneOf("message.sent")]).toEqual([
    "bad",
    "warning",
    "good",
    "plain",
  ]);
});

test.each([
  [0, true, undefined, false, "start.own.none"],
  [0, false, undefined, undefined, "start.none"],
  [2, true, true, false, "start.own.unlinked"],
  [2, true, false, false, "start.own.quiet"],
  [2, true, false, true, undefined],
  [2, true, undefined, undefined, undefined],
  [2, false, undefined, undefined, undefined],
])("%d numbers, who writes: %s, unlinked: %s, written: %s", (numbers, writes, unlinked, wrote, why) => {
  expect(reason(numbers, writes, unlinked, wrote)).toBe(why);
});
