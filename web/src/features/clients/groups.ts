// Looking for one among many numbers.

import type { Client } from "@/api/generated";

// In the order in which they are shown: what needs a look comes first.
export const groups = ["attention", "online", "held", "offline", "unlinked"] as const;
export type Group = (typeof groups)[number];

const of: Record<string, Group> = {
  connected: "online",
  degraded: "online",
  connecting: "offline",
  disconnected: "offline",
  new: "unlinked",
  pairing: "unlinked",
};

/** What somebody who looks over many numbers wants to know of one. */
export function groupOf(c: Client): Group {
  if (c.stopped || c.paused) return "held";
  return of[c.status] ?? "attention"; // a state that we do not know deserves a look
}

/** The numbers in the order of their groups, and of the list within them. */
export function inOrder(all: readonly Client[]): Client[] {
  const place = (c: Client) => groups.indexOf(groupOf(c));
  return all.toSorted((a, b) => place(a) - place(b));
}

/** Reports whether a status says all there is to say, so that a reason would only repeat it. */
export function speaksForItself(status: string): boolean {
  return ["new", "pairing", "connecting", "connected"].includes(status);
}

/** Reports whether a number is one that somebody looks for by its name or digits. */
export function matches(c: Client, wanted: string): boolean {
  const text = plain(wanted);
  if (text === "") return true;
  const digits = wanted.replace(/[\s()+.-]/g, "");
  return plain(c.name).includes(text) || (/^\d+$/.test(digits) && (c.phone ?? "").includes(digits));
}

function plain(s: string): string {
  return s.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().trim();
}
