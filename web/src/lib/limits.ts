import type { Limits } from "@/api/generated";

/** The limits that are counts. */
export const limitFields = ["per_minute", "per_hour", "per_day"] as const;

/** Reports whether limits let more out than others. */
export function isFaster(next: Limits, now: Limits): boolean {
  if (!next.enabled || !now.enabled) return now.enabled && !next.enabled;
  return limitFields.some((f) => next[f] > now[f]) || next.gap_min_ms < now.gap_min_ms || next.gap_max_ms < now.gap_max_ms;
}

/** What a number gets where nobody has set anything else: DefaultLimits of internal/wa/limits.go, which a test holds it to. */
export const usualLimits: Limits = {
  enabled: true,
  per_minute: 20,
  per_hour: 100,
  per_day: 1000,
  gap_min_ms: 2000,
  gap_max_ms: 5000,
  typing: true,
};

export const sameLimits = (a: Limits, b: Limits): boolean =>
  a.enabled === b.enabled &&
  a.typing === b.typing &&
  a.gap_min_ms === b.gap_min_ms &&
  a.gap_max_ms === b.gap_max_ms &&
  limitFields.every((f) => a[f] === b[f]);
