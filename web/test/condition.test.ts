import { expect, test } from "vitest";
import type { ClientHealth, Limits } from "@/api/generated";
import { shareOf, usedColor, waiting } from "@/features/clients/condition";
import { isFaster } from "@/lib/limits";

test.each([
  [5, 20, 0.25],
  [25, 20, 1],
  [0, 0, 1],
  [7, null, 0],
])("%d of %s is a share of %d", (used, limit, share) => {
  expect(shareOf(used, limit)).toBe(share);
});

test("a limit that is used up stands out", () => {
  expect([0.5, 0.85, 1].map(usedColor)).toEqual(["jade", "orange", "red"]);
});

const lane = (queued: number, oldest_at: string | null) => ({ lane: "normal", queued, oldest_at }) as ClientHealth["lanes"][number];

test("what waits counts over all lanes, since the oldest came", () => {
  const lanes = [lane(2, "2026-11-22T10:05:00Z"), lane(0, null), lane(3, "2026-11-22T10:00:00.5Z")];
  expect(waiting(lanes)).toEqual({ count: 5, since: "2026-11-22T10:00:00.5Z" });
  expect(waiting([lane(0, null)])).toEqual({ count: 0, since: undefined });
});

const limits: Limits = { enabled: true, per_minute: 20, per_hour: 100, per_day: 1000, gap_min_ms: 2000, gap_max_ms: 5000, typing: true };

test.each([
  [{}, false],
  [{ typing: false }, false],
  [{ per_hour: 90 }, false],
  [{ per_hour: 110 }, true],
  [{ gap_min_ms: 1000 }, true],
  [{ gap_max_ms: 9000 }, false],
  [{ enabled: false }, true],
] as [Partial<Limits>, boolean][])("%j lets more out: %s", (change, faster) => {
  expect(isFaster({ ...limits, ...change }, limits)).toBe(faster);
});

test("to keep to limits again is never faster, whatever they are", () => {
  expect(isFaster({ ...limits, per_day: 5000 }, { ...limits, enabled: false })).toBe(false);
});
