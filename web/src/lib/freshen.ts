// Keeps figures fresh while events pour in: however many come, a query is asked
// again once in a while, and lists of events are written in one go.

import type { QueryClient } from "@tanstack/react-query";
import type { Event } from "@/api/generated";

// Milliseconds: how long a change may wait, and how long the same query rests.
const soon = 300;
const rests = {
  overview: 3_000,
  analytics: 8_000,
  failed: 5_000,
  contacts: 3_000,
  webhooks: 3_000,
  clients: 1_000,
  numbers: 3_000,
  health: 5_000,
};

// Figures of messages are counted up to 15 seconds after the fact: what came last
// is asked for once more when it must be in them.
const counted = 16_000;
const late: ReadonlySet<Figure> = new Set<Figure>(["overview", "analytics"]);

/** The first part of the key of a query that is asked again when events come. */
export type Figure = keyof typeof rests;

/** The key of the newest events, the newest first. */
export const feedKey = ["feed"] as const;

const feedHolds = 200;

/** Puts newer events, the oldest first, before those that are known. */
export function withNewer(known: Event[], fresh: Event[]): Event[] {
  const ids = new Set(known.map((e) => e.id));
  const added: Event[] = [];
  for (const e of fresh) {
    if (!ids.has(e.id)) added.unshift(e);
    ids.add(e.id);
  }
  return [...added, ...known].slice(0, feedHolds);
}

export class Freshener {
  private readonly cache: QueryClient;
  private readonly due = new Map<Figure | "feed", ReturnType<typeof setTimeout>>();
  private readonly settling = new Map<Figure, ReturnType<typeof setTimeout>>();
  private readonly last = new Map<Figure, number>();
  private heard: Event[] = [];

  constructor(cache: QueryClient) {
    this.cache = cache;
  }

  /** Has a query asked again soon, but not more often than it can bear. */
  touch(figure: Figure): void {
    const rested = Date.now() - (this.last.get(figure) ?? Number.NEGATIVE_INFINITY);
    this.later(figure, Math.max(soon, rests[figure] - rested), () => {
      this.last.set(figure, Date.now());
      void this.cache.invalidateQueries({ queryKey: [figure] });
    });
  }

  /** Shows an event in the feed, and has the figures counted anew that it changes. */
  hear(e: Event): void {
    this.heard.push(e);
    this.later("feed", soon, () => {
      const fresh = this.heard;
      this.heard = [];
      this.cache.setQueryData<Event[]>(feedKey, (known) => known && withNewer(known, fresh));
    });
    for (const figure of changedBy(e.type)) {
      this.touch(figure);
      if (late.has(figure)) this.touchLate(figure);
    }
  }

  stop(): void {
    for (const t of [...this.due.values(), ...this.settling.values()]) clearTimeout(t);
    this.due.clear();
    this.settling.clear();
  }

  private touchLate(figure: Figure): void {
    clearTimeout(this.settling.get(figure));
    this.settling.set(
      figure,
      setTimeout(() => this.touch(figure), counted),
    );
  }

  private later(what: Figure | "feed", ms: number, act: () => void): void {
    if (this.due.has(what)) return;
    const timer = setTimeout(() => {
      this.due.delete(what);
      act();
    }, ms);
    this.due.set(what, timer);
  }
}

/** The figures that an event of this type changes. */
export function changedBy(type: string): Figure[] {
  switch (type.split(".")[0]) {
    case "message":
      return type === "message.failed" || type === "message.expired"
        ? ["overview", "analytics", "health", "failed"]
        : ["overview", "analytics", "health"];
    case "client":
      return /created|deleted|paired/.test(type) ? ["overview", "health", "numbers"] : ["overview", "health"];
    case "chat":
      return ["overview"];
    case "contact":
      return ["contacts"];
    case "org":
      return ["overview", "clients"];
    case "endpoint":
    case "delivery":
      return ["overview", "webhooks"];
    default:
      return [];
  }
}
