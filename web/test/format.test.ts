import { expect, test } from "vitest";
import { ago, count, initials, lasting, moment, percent, phone } from "@/lib/format";

test.each([
  ["+5511912345678", "+55 11 91234 5678"],
  ["+447700900123", "+44 770 090 0123"],
  ["+14155550123", "+1 415 555 0123"],
  ["+6281234567890", "+62 812 3456 7890"],
  ["+351912345678", "+351 912 34 5678"],
  ["1466@lid", "1466@lid"],
  [undefined, ""],
])("%s is written %s", (raw, written) => {
  expect(phone(raw)).toBe(written);
});

test("a moment is told as briefly as it can be", () => {
  const now = new Date(2026, 10, 22, 15, 0);
  const at = (...p: [number, number, number, number, number]) => new Date(...p).toISOString();
  expect(moment(at(2026, 10, 22, 9, 5), "en-GB", now)).toBe("09:05");
  expect(moment(at(2026, 10, 20, 9, 5), "en-GB", now)).toBe("Fri");
  expect(moment(at(2026, 10, 1, 9, 5), "en-GB", now)).toBe("1 Nov");
  expect(moment(at(2025, 10, 1, 9, 5), "en-GB", now)).toBe("1 Nov 2025");
  expect(moment(at(2026, 10, 29, 9, 5), "en-GB", now)).toBe("29 Nov");
});

test.each([
  ["Ana Maria Souza", "AS"],
  ["support", "S"],
  ["+55 11 9", ""],
])("the initials of %s", (name, letters) => {
  expect(initials(name)).toBe(letters);
});

test.each([
  [0, "now"],
  [59, "now"],
  [61, "1 minute ago"],
  [3_599, "59 minutes ago"],
  [7_300, "2 hours ago"],
  [90_000, "yesterday"],
  [-5, "now"],
])("%i seconds before is %s", (seconds, written) => {
  const now = Date.UTC(2026, 10, 22, 12);
  expect(ago(new Date(now - seconds * 1_000).toISOString(), "en", now)).toBe(written);
});

test.each([
  [0.4, "0 sec"],
  [45, "45 sec"],
  [60, "1 min"],
  [7_500, "2 hr 5 min"],
  [90_000, "1 day 1 hr"],
])("%d seconds last %s", (seconds, written) => {
  expect(lasting(seconds, "en")).toBe(written);
});

test("figures are written as the language does", () => {
  expect(count(12_345, "en")).toBe("12,345");
  expect(count(12_345, "es-AR")).toBe("12.345");
  expect([percent(0.5, "en"), percent(0.9999, "en"), percent(1, "en"), percent(0, "en")]).toEqual(["50%", "99.9%", "100%", "0%"]);
});
