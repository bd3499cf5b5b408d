// What the log is narrowed by, and what the API is asked for it.

import { toInstant } from "@/lib/instant";

/** Times as the fields of a browser hold them. */
export interface Filters {
  action?: string | undefined;
  actor?: string | undefined;
  target?: string | undefined;
  since?: string | undefined;
  until?: string | undefined;
}

export function queryOf(f: Filters) {
  const since = toInstant(f.since ?? "");
  const until = toInstant(f.until ?? "");
  return {
    ...(f.action ? { action: f.action } : {}),
    ...(f.actor ? { actor: f.actor } : {}),
    ...(f.target?.trim() ? { target: f.target.trim() } : {}),
    ...(since ? { since } : {}),
    ...(until ? { until } : {}),
  };
}
