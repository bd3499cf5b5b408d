import { expect, test } from "vitest";
import { everyPage, flat } from "@/lib/pages";

test("a list is read to its end, page by page", async () => {
  const pages: Record<string, { data: number[]; next: string | null }> = {
    "": { data: [1, 2], next: "b" },
    b: { data: [3], next: "c" },
    c: { data: [], next: null },
  };
  const asked: (string | undefined)[] = [];
  const all = await everyPage(async (cursor) => {
    asked.push(cursor);
    return pages[cursor ?? ""] ?? { data: [], next: null };
  });
  expect(all).toEqual({ data: [1, 2, 3], next: null });
  expect(asked).toEqual([undefined, "b", "c"]);
});

test("a list without an end is left at some point", async () => {
  const all = await everyPage(async () => ({ data: new Array<number>(200).fill(0), next: "more" }));
  expect(all.data.length).toBe(10_000);
  expect(all.next).toBe("more");
});

test("nothing loaded is nothing", () => {
  expect(flat(undefined)).toEqual([]);
});
