// What the table shows: kept in the address, so that it can be sent to somebody
// and the browser's back button works.

import type { ExportMessagesData, Message } from "@/api/generated";

export type Status = Message["status"];

/** Every status, in the order of a message's life. */
export const statuses = [
  "scheduled",
  "queued",
  "sending",
  "retry_wait",
  "sent",
  "delivered",
  "read",
  "played",
  "received",
  "failed",
  "cancelled",
  "expired",
] as const satisfies readonly Status[];

export interface Filters {
  client: string;
  contact: string;
  status: Status[];
  direction: "" | "outbound" | "inbound";
  type: string;
  since: string;
  until: string;
  q: string;
}

export const noFilters: Filters = { client: "", contact: "", status: [], direction: "", type: "", since: "", until: "", q: "" };

/** Where in the table one is, and which message is open. */
export interface Place {
  at: string;
  open: string;
}

type Search = Record<string, unknown>;

// The router makes numbers of what looks like them.
function text(v: unknown): string {
  return typeof v === "string" ? v : typeof v === "number" || typeof v === "boolean" ? String(v) : "";
}

function time(v: unknown): string {
  const at = Date.parse(text(v));
  return Number.isNaN(at) ? "" : new Date(at).toISOString();
}

/** Reads the filters of an address; what is no filter is left out. */
export function readFilters(s: Search): Filters {
  const direction = text(s.direction);
  return {
    client: text(s.client),
    contact: text(s.contact),
    status: text(s.status)
      .split(",")
      .filter((v): v is Status => (statuses as readonly string[]).includes(v)),
    direction: direction === "outbound" || direction === "inbound" ? direction : "",
    type: text(s.type),
    since: time(s.since),
    until: time(s.until),
    q: text(s.q),
  };
}

export function readPlace(s: Search): Place {
  return { at: text(s.at), open: text(s.open) };
}

/** The search part of the address of some filters and a place. */
export function toSearch(f: Filters, p: Partial<Place> = {}): Record<string, string> {
  const all = { ...f, status: f.status.join(","), at: p.at ?? "", open: p.open ?? "" };
  return Object.fromEntries(Object.entries(all).filter(([, v]) => v !== ""));
}

/** What the API is asked for. */
export function toQuery(f: Filters): NonNullable<ExportMessagesData["query"]> {
  const { status, ...rest } = f;
  return { ...Object.fromEntries(Object.entries(rest).filter(([, v]) => v !== "")), ...(status.length ? { status } : {}) };
}

export const filtered = (f: Filters): boolean => Object.keys(toSearch(f)).length > 0;

/** Reports whether a message is of the filters; undefined where only the API knows. */
export function fits(m: Message, f: Filters): boolean | undefined {
  const other = m.direction === "inbound" ? m.from : m.to;
  if (f.client && m.client_id !== f.client) return false;
  if (f.contact && other?.contact_id !== f.contact) return false;
  if (f.status.length > 0 && !f.status.includes(m.status)) return false;
  if (f.direction && m.direction !== f.direction) return false;
  if (f.type && m.type !== f.type) return false;
  if (f.since && Date.parse(m.created_at) < Date.parse(f.since)) return false;
  if (f.until && Date.parse(m.created_at) >= Date.parse(f.until)) return false;
  return f.q ? undefined : true;
}
