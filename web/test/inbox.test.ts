import { expect, test } from "vitest";
import type { Message } from "@/api/generated";
import { nearby } from "@/features/inbox/ChatRow";
import { lay, neighbour, withFocused } from "@/features/inbox/items";
import { shortened } from "@/features/inbox/kinds";
import { marked, newRef, type Pending, standing } from "@/lib/outbox";

const message = (id: string, created_at: string, more: Partial<Message> = {}) => ({ id, created_at, ...more }) as Message;
const pending = (ref: string): Pending => ({ ref, content: { type: "text", text: { body: "Hi" } }, at: "2026-11-22T12:00:00Z" });
const keys = (items: { key: string }[]) => items.map((i) => i.key);

const monday = message("a", "2026-11-16T12:00:00Z");
const later = message("b", "2026-11-16T13:00:00Z");
const tuesday = message("c", "2026-11-17T12:00:00Z");

test("days stand between messages, and on top only when nothing is before", () => {
  expect(lay([monday, later, tuesday], [], false).map((i) => i.kind)).toEqual(["message", "message", "day", "message"]);
  expect(lay([monday, later, tuesday], [], true).map((i) => i.kind)).toEqual(["day", "message", "message", "day", "message"]);
});

test("older messages come in above and leave the rows below as they are", () => {
  const before = keys(lay([later, tuesday], [], false));
  expect(keys(lay([monday, later, tuesday], [], false)).slice(-before.length)).toEqual(before);
});

test("what was written here keeps its row when it becomes a message", () => {
  const ref = newRef();
  expect(keys(lay([], [pending(ref)], true)).at(-1)).toBe(ref);
  const come = message("m", "2026-11-22T12:00:00Z", { client_ref: ref });
  expect(keys(lay([come], standing([pending(ref)], [come]), true)).at(-1)).toBe(ref);
  expect(standing([pending(ref)], [come])).toEqual([]);
});

test("what was refused stays so while others leave, are refused or are tried again", () => {
  const refused = { ...pending("web_1"), error: "too long" };
  const both = marked([refused, pending("web_2")], "web_2", "no answer");
  expect(both.map((p) => p.error)).toEqual(["too long", "no answer"]);
  expect(marked(both, "web_2").map((p) => p.error)).toEqual(["too long", undefined]);
  expect(marked(both, "web_1")[0]).not.toHaveProperty("error");
});

test("messages that share a reference are all shown", () => {
  const [a, b] = [message("a", monday.created_at, { client_ref: "web_1" }), message("b", monday.created_at, { client_ref: "web_1" })];
  expect(new Set(keys(lay([a, b], [], false))).size).toBe(2);
});

test("the arrow keys skip what is no message", () => {
  const items = lay([later, tuesday], [pending("web_1")], true);
  expect(items.map((i) => i.kind)).toEqual(["day", "message", "day", "message", "pending"]);
  expect(neighbour(items, 3, -1)).toBe(1);
  expect(neighbour(items, 1, -1)).toBe(1);
  expect(neighbour(items, items.length, -1)).toBe(3);
});

test("the row that has the keyboard stays in the page", () => {
  const range = { startIndex: 50, endIndex: 52, overscan: 1, count: 100 };
  expect(withFocused(range, 3)).toEqual([3, 49, 50, 51, 52, 53]);
  expect(withFocused(range, 51)).toEqual([49, 50, 51, 52, 53]);
  expect(withFocused(range, -1)).toEqual([49, 50, 51, 52, 53]);
});

test("long texts are cut between characters", () => {
  expect(shortened("short")).toBe("short");
  expect(shortened(`${"x".repeat(1199)}😀 and more`)).toBe(`${"x".repeat(1199)}…`);
  expect(shortened("line\n".repeat(30)).split("\n")).toHaveLength(24);
});

test("a hit shows the part in which something was found", () => {
  expect(nearby("the order", "order")).toBe("the order");
  const found = nearby(`${"word ".repeat(30)}Order 4711 came`, "order");
  expect(found.startsWith("…")).toBe(true);
  expect(found).toContain("Order 4711");
});
