import { expect, test } from "vitest";
import type { Message } from "@/api/generated";
import { compare, inOrder, type Pages, reachNewest, stamp, upsert } from "@/lib/conversation";

const at = (second: number) => `2026-11-22T10:00:${String(second).padStart(2, "0")}Z`;

const message = (id: string, second: number, more: Partial<Message> = {}): Message => ({
  id,
  client_id: "cli_1",
  chat_id: "chat_1",
  direction: "outbound",
  origin: "api",
  type: "text",
  status: "queued",
  lane: "normal",
  provider: "whatsmeow",
  attempts: 0,
  created_at: at(second),
  updated_at: at(second),
  ...more,
});

interface Ends {
  next?: string;
  prev?: string;
}

// Pages as the API gives them: the newest first.
const pages = (ends: Ends, ...data: Message[][]): Pages => ({
  pages: data.map((d, i) => ({
    data: d,
    prev: i === 0 ? (ends.prev ?? null) : "p",
    next: i === data.length - 1 ? (ends.next ?? null) : "n",
    names: {},
  })),
  pageParams: data.map(() => ({})),
});
const ids = (p: Pages | undefined) => inOrder(p).map((m) => m.id);
const loaded = (ends: Ends = {}) => pages(ends, [message("f", 50), message("d", 40)], [message("b", 20), message("a", 10)]);

test.each([
  ["a new message comes last", {}, message("g", 55), ["a", "b", "d", "f", "g"]],
  ["one that was made between comes between", {}, message("e", 45), ["a", "b", "d", "e", "f"]],
  ["one between two pages comes between them", {}, message("c", 30), ["a", "b", "c", "d", "f"]],
  ["an older one comes first where nothing is behind", {}, message("A", 5), ["A", "a", "b", "d", "f"]],
  ["an older one waits for its page", { next: "n" }, message("A", 5), ["a", "b", "d", "f"]],
  ["a newer one waits for its page", { prev: "p" }, message("g", 55), ["a", "b", "d", "f"]],
  ["one between is known even then", { prev: "p", next: "n" }, message("e", 45), ["a", "b", "d", "e", "f"]],
])("%s", (_, ends, m, want) => {
  expect(ids(upsert(loaded(ends), m))).toEqual(want);
});

test("what is there is replaced where it is", () => {
  const fresh = message("b", 20, { status: "sent", updated_at: at(59) });
  const after = upsert(loaded({ next: "n", prev: "p" }), fresh);
  expect(ids(after)).toEqual(["a", "b", "d", "f"]);
  expect(inOrder(after)[1]?.status).toBe("sent");
});

test("an empty conversation takes its first message", () => {
  expect(ids(upsert(pages({}, []), message("a", 1)))).toEqual(["a"]);
});

test("a conversation that nobody opened is left alone", () => {
  expect(upsert(undefined, message("a", 1))).toBeUndefined();
});

test("an answer that was overtaken by a receipt changes nothing", () => {
  const read = message("a", 1, { status: "read", updated_at: at(5) });
  expect(inOrder(upsert(pages({}, [read]), message("a", 1)))[0]?.status).toBe("read");
  const retried = message("a", 1, { status: "queued", updated_at: at(9) });
  expect(inOrder(upsert(pages({}, [message("a", 1, { status: "failed" })]), retried))[0]?.status).toBe("queued");
});

test("fractions of a second count, however many digits they have", () => {
  expect(stamp("2026-11-22T10:00:00Z") < stamp("2026-11-22T10:00:00.5Z")).toBe(true);
  expect(stamp("2026-11-22T10:00:00.12Z") > stamp("2026-11-22T10:00:00.119999Z")).toBe(true);
  expect(compare(message("a", 1), message("b", 1))).toBeLessThan(0);
});

test("what reaches the newest message says so", () => {
  expect(reachNewest(loaded())).toBe(true);
  expect(reachNewest(loaded({ prev: "p" }))).toBe(false);
  expect(reachNewest(undefined)).toBe(false);
});
