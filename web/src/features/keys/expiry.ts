// When a key ends, as people choose it.

import { toInstant } from "@/lib/instant";

export const lives = ["never", "30", "90", "365", "date"] as const;
export type Life = (typeof lives)[number];

export interface Expiry {
  life: Life;
  /** Of a browser's date field, where life is "date". */
  field: string;
}

const day = 86_400_000;

/** The moment; undefined for never, and for a date that is not complete. */
export function endOf(e: Expiry, now = new Date()): string | undefined {
  if (e.life === "never") return undefined;
  if (e.life === "date") return toInstant(e.field);
  return new Date(now.getTime() + Number(e.life) * day).toISOString();
}

export type Standing = "active" | "expired" | "revoked";

/** Whether a key still opens anything. */
export function standing(k: { revoked_at?: string; expires_at?: string }, now = new Date()): Standing {
  if (k.revoked_at) return "revoked";
  return k.expires_at && new Date(k.expires_at) <= now ? "expired" : "active";
}
