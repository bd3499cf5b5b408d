// What the figures of a number come to.

import type { ClientHealth } from "@/api/generated";

/** The colour of a score or of a share that is used up. */
export function scoreColor(score: number): string {
  if (score >= 80) return "jade";
  return score >= 50 ? "yellow" : "red";
}

/** The colour of a limit by the share of it that is used, 0 to 1. */
export function usedColor(share: number): string {
  if (share >= 1) return "red";
  return share >= 0.8 ? "orange" : "jade";
}

/** The share of a limit that is used, 0 to 1; 0 without a limit. */
export function shareOf(used: number, limit: number | null): number {
  if (limit === null) return 0;
  return limit <= 0 ? 1 : Math.min(1, used / limit);
}

/** How many messages wait in all lanes, and since when the oldest does. */
export function waiting(lanes: ClientHealth["lanes"]): { count: number; since: string | undefined } {
  const count = lanes.reduce((sum, l) => sum + l.queued, 0);
  const since = lanes
    .map((l) => l.oldest_at)
    .filter((at) => at !== null)
    .sort((a, b) => Date.parse(a) - Date.parse(b))[0];
  return { count, since: count > 0 ? since : undefined };
}
