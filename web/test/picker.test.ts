import { expect, test } from "vitest";
import { families, found, strangers, takenBy, toggle } from "@/features/webhooks/picker";

const catalogue = [
  { type: "message.queued", description: "accepted", opt_in: true },
  { type: "message.sent", description: "taken by the server" },
  { type: "message.read", description: "opened" },
  { type: "client.connected", description: "online" },
];
const [queued, sent, read, connected] = catalogue as [never, never, never, never];

test("families hold their types in the order of the catalogue", () => {
  expect(families(catalogue).map((f) => [f.all, f.types.map((t) => t.type)])).toEqual([
    ["message.*", ["message.queued", "message.sent", "message.read"]],
    ["client.*", ["client.connected"]],
  ]);
});

test("wildcards take in everything but what must be named", () => {
  expect([queued, sent, connected].map((t) => takenBy(["*"], t))).toEqual([undefined, "*", "*"]);
  expect([queued, sent, connected].map((t) => takenBy(["message.*", "message.queued"], t))).toEqual([
    "message.queued",
    "message.*",
    undefined,
  ]);
});

test.each([
  [["message.sent", "message.queued", "client.connected"], "message.*", ["message.queued", "client.connected", "message.*"]],
  [["message.*", "message.queued", "client.connected"], "*", ["message.queued", "*"]],
  [["*"], "*", []],
  [["message.sent"], "message.read", ["message.sent", "message.read"]],
  [["future.*"], "message.sent", ["future.*", "message.sent"]],
])("%j with %s is %j", (before, pattern, after) => {
  expect(toggle(before, pattern, catalogue)).toEqual(after);
});

test("patterns that the catalogue does not know stay visible", () => {
  expect(strangers(["*", "message.*", "message.sent", "old.thing", "old.*"], catalogue)).toEqual(["old.thing", "old.*"]);
});

test("a word finds names and descriptions", () => {
  expect(found(families(catalogue), "OPENED").flatMap((f) => f.types)).toEqual([read]);
  expect(found(families(catalogue), " ")).toHaveLength(2);
});
