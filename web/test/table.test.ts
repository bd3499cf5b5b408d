import { expect, test } from "vitest";
import type { Message } from "@/api/generated";
import { each } from "@/features/messages/each";
import { filtered, fits, noFilters, readFilters, readPlace, toQuery, toSearch } from "@/features/messages/filters";

const some = {
  ...noFilters,
  client: "cli_1",
  status: ["failed", "queued"] as const,
  direction: "outbound" as const,
  since: "2026-11-22T10:00:00.000Z",
  q: "4711",
};
const filters = { ...some, status: [...some.status] };

test("an address says what the table shows, and is read the same", () => {
  const search = toSearch(filters, { at: "c1", open: "msg_1" });
  expect(search.status).toBe("failed,queued");
  expect(readFilters(search)).toEqual(filters);
  expect(readPlace(search)).toEqual({ at: "c1", open: "msg_1" });
});

test("what is no filter is left out of an address and out of a request", () => {
  expect(toSearch(noFilters)).toEqual({});
  expect(toQuery(noFilters)).toEqual({});
  expect(filtered(noFilters)).toBe(false);
  const wild = { status: "failed,no such", direction: "sideways", since: "yesterday", q: 4711, client: ["x"], type: null };
  expect(readFilters(wild)).toEqual({ ...noFilters, status: ["failed"], q: "4711" });
});

const message = {
  id: "msg_1",
  client_id: "cli_1",
  direction: "inbound",
  type: "text",
  status: "received",
  from: { contact_id: "con_1" },
  created_at: "2026-11-22T10:00:00.5Z",
} as Message;

test.each([
  [{}, true],
  [{ contact: "con_1" }, true],
  [{ contact: "con_2" }, false],
  [{ client: "cli_2" }, false],
  [{ status: ["failed" as const] }, false],
  [{ direction: "outbound" as const }, false],
  [{ type: "image" }, false],
  [{ since: "2026-11-22T10:00:00.000Z" }, true],
  [{ until: "2026-11-22T10:00:00.000Z" }, false],
  [{ q: "word" }, undefined],
])("a message under %j", (f, want) => {
  expect(fits(message, { ...noFilters, ...f })).toBe(want);
});

test("what is refused does not stop the rest", async () => {
  const done: number[] = [];
  const out = await each([1, 2, 3, 4, 5, 6], async (n) => {
    if (n === 2) throw new Error("no");
    done.push(n);
  });
  expect(done.toSorted()).toEqual([1, 3, 4, 5, 6]);
  expect(out).toEqual({ done: 5, refused: [new Error("no")] });
});
