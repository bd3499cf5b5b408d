// What the charts draw, calculated from the figures of the API.

import type { Figures } from "@/api/generated";
import { clock, dayShort } from "@/lib/format";

export const ranges = ["24h", "7d", "30d", "90d"] as const;
export const firstRange = "24h";
export type Range = (typeof ranges)[number];

const days: Record<Exclude<Range, "24h">, number> = { "7d": 7, "30d": 30, "90d": 90 };

export interface Window {
  from: string;
  to: string;
  step: "hour" | "day";
}

/** The time that a range covers: whole hours or days of the viewer, the current one included. */
export function windowOf(range: Range, now: Date): Window {
  const end = new Date(now);
  const start = new Date(now);
  if (range === "24h") {
    end.setMinutes(60, 0, 0);
    start.setTime(end.getTime() - 24 * 3_600_000);
    return { from: start.toISOString(), to: end.toISOString(), step: "hour" };
  }
  end.setHours(24, 0, 0, 0);
  start.setHours(0, 0, 0, 0);
  start.setDate(start.getDate() - days[range] + 1);
  return { from: start.toISOString(), to: end.toISOString(), step: "day" };
}

/** Where the messages of a time stand now; each is counted once. */
export interface Fates {
  read: number;
  delivered: number;
  sent: number;
  waiting: number;
  failed: number;
}

export const fateNames = ["read", "delivered", "sent", "waiting", "failed"] as const satisfies readonly (keyof Fates)[];

/** The API counts everything that got so far: what was read was delivered and sent, too. */
export function fates(f: Omit<Figures, "at">): Fates {
  const left = (n: number) => Math.max(0, n);
  return {
    read: f.read,
    delivered: left(f.delivered - f.read),
    sent: left(f.sent - f.delivered),
    waiting: left(f.accepted - f.sent - f.failed),
    failed: f.failed,
  };
}

export type Sums = Omit<Figures, "at">;

export function sum(all: Figures[]): Sums {
  const out: Sums = { accepted: 0, sent: 0, delivered: 0, read: 0, failed: 0, received: 0 };
  for (const f of all) {
    for (const name of Object.keys(out) as (keyof Sums)[]) out[name] += f[name];
  }
  return out;
}

/** A part of a whole; undefined while there is no whole. */
export function share(part: number, whole: number): number | undefined {
  return whole > 0 ? Math.min(1, part / whole) : undefined;
}

/** What stands below a bar: the hour, or the day. */
export function bucketName(at: string, step: Window["step"], language: string): string {
  return step === "hour" ? clock(at, language) : dayShort(at, language);
}
