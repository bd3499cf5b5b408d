import { expect, test } from "vitest";
import type { Client } from "@/api/generated";
import { groupOf, inOrder, matches } from "@/features/clients/groups";

const number = (change: Partial<Client>) =>
  ({ id: "cli_1", name: "São Paulo", phone: "+5511912345678", status: "connected", paused: false, ...change }) as Client;

test.each([
  [{}, "online"],
  [{ status: "degraded" }, "online"],
  [{ status: "new" }, "unlinked"],
  [{ status: "connecting" }, "offline"],
  [{ status: "temp_banned" }, "attention"],
  [{ status: "something_newer" as Client["status"] }, "attention"],
  [{ paused: true }, "held"],
  [{ stopped: "org", status: "banned" }, "held"],
] as [Partial<Client>, string][])("%j stands among those that are %s", (change, group) => {
  expect(groupOf(number(change))).toBe(group);
});

test.each([
  ["", true],
  ["  sao p", true],
  ["PAULO", true],
  ["911 2345", false],
  ["(11) 9123-45", true],
  ["+55", true],
  ["recife", false],
  ["-", false],
])("looking for %j finds it: %s", (text, found) => {
  expect(matches(number({}), text)).toBe(found);
});

test("a number that is not linked is not found by digits", () => {
  expect(matches(number({ phone: undefined, name: "Sales" }), "55")).toBe(false);
});

test("what needs a look comes first, and the rest keeps its order", () => {
  const all = [number({ id: "a", status: "new" }), number({ id: "b" }), number({ id: "c", status: "banned" }), number({ id: "d" })];
  expect(inOrder(all).map((c) => c.id)).toEqual(["c", "b", "d", "a"]);
});
