import { expect, test } from "vitest";
import { sameLimits, usualLimits } from "@/lib/limits";
import source from "../../internal/wa/limits.go?raw";

test("the usual limits are those that the server gives", () => {
  const [, given] = /func DefaultLimits\(\) Limits \{\s*return Limits\{([^}]*)\}/.exec(source) ?? [];
  const fields = Object.fromEntries((given ?? "").split(",").map((f) => f.trim().split(": ")));
  expect(fields).toEqual({
    Enabled: String(usualLimits.enabled),
    PerMinute: String(usualLimits.per_minute),
    PerHour: String(usualLimits.per_hour),
    PerDay: String(usualLimits.per_day),
    GapMinMS: String(usualLimits.gap_min_ms),
    GapMaxMS: String(usualLimits.gap_max_ms),
    Typing: String(usualLimits.typing),
  });
});

test("limits that differ in anything are not the same", () => {
  expect(sameLimits(usualLimits, { ...usualLimits })).toBe(true);
  for (const [name, value] of Object.entries(usualLimits)) {
    const other = { ...usualLimits, [name]: typeof value === "boolean" ? !value : value + 1 };
    expect(sameLimits(usualLimits, other), name).toBe(false);
  }
});
