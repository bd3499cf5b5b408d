import { expect, test } from "vitest";
import { type Unit, written } from "@/features/monitoring/written";

test.each<[number, Unit, string]>([
  [0, "count", "0"],
  [12_345, "count", "12,345"],
  [0.992, "share", "99.2%"],
  [0.5, "share", "50%"],
  [3.14, "percent", "3.1%"],
  [85.4, "ms", "85 ms"],
  [0.42, "ms", "0.4 ms"],
  [12_000, "ms", "12 sec"],
  [0, "bytes", "0 byte"],
  [1_234_567, "bytes", "1.2 MB"],
  [5e15, "bytes", "5,000 TB"],
])("%d as %s is %s", (value, unit, text) => {
  expect(written(value, unit, "en")).toBe(text);
});
