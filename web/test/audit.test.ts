import { expect, test } from "vitest";
import { changes } from "@/features/audit/changes";
import { queryOf } from "@/features/audit/filters";

test("fields are found however deep, and told apart by whether they changed", () => {
  const before = { name: "a", limits: { per_day: 5 }, scopes: ["x", "y"], gone: 1 };
  const after = { name: "a", limits: { per_day: 6 }, scopes: ["x"], fresh: null };
  expect(changes(before, after)).toEqual([
    { path: "name", before: "a", after: "a", changed: false },
    { path: "limits.per_day", before: "5", after: "6", changed: true },
    { path: "scopes", before: "x, y", after: "x", changed: true },
    { path: "gone", before: "1", after: undefined, changed: true },
    { path: "fresh", before: undefined, after: "", changed: true },
  ]);
});

test("what was made has no side before", () => {
  expect(changes(undefined, { a: true, list: [{ b: 1 }] })).toEqual([
    { path: "a", before: undefined, after: "true", changed: true },
    { path: "list.0.b", before: undefined, after: "1", changed: true },
  ]);
  expect(changes(undefined, null)).toEqual([]);
});

test("empty filters ask for everything", () => {
  expect(queryOf({ action: "", target: "  ", since: "" })).toEqual({});
  expect(queryOf({ actor: "usr_1", target: " cli_1 " })).toEqual({ actor: "usr_1", target: "cli_1" });
});
