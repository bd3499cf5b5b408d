// Messages as the query cache holds them: pages, the newest first. They need not
// reach up to the newest: who jumps to a message sees what is around it.

import { type InfiniteData, infiniteQueryOptions } from "@tanstack/react-query";
import { type ListMessage, listMessages, type Message } from "@/api/generated";
import { ask } from "@/lib/trouble";

export type Page = ListMessage;
export type Pages = InfiniteData<Page>;

interface Where {
  cursor?: string;
  around?: string;
}

/** How many messages are asked for at once, and how many such pages are kept at most. */
export const pageSize = 50;
const pagesKept = 20;

/** The messages of a chat: the newest ones, or those around one of them. */
export const messagesQuery = (chat: string, around = "") =>
  infiniteQueryOptions({
    queryKey: ["messages", chat, around] as const,
    queryFn: ({ pageParam }): Promise<Page> => ask(listMessages({ query: { chat, limit: pageSize, ...pageParam } })),
    initialPageParam: (around ? { around } : {}) as Where,
    getNextPageParam: (oldest): Where | undefined => (oldest.next ? { cursor: oldest.next } : undefined),
    getPreviousPageParam: (newest): Where | undefined => (newest.prev ? { cursor: newest.prev } : undefined),
    maxPages: pagesKept,
    staleTime: Number.POSITIVE_INFINITY, // events keep it true
  });

const life = ["scheduled", "queued", "retry_wait", "sending", "sent", "delivered", "read", "played"];

/** Puts a message where it belongs: over its older self, or at its time if that is among what is loaded. */
export function upsert(pages: Pages | undefined, m: Message): Pages | undefined {
  if (!pages) return pages;
  const at = pages.pages.findIndex((p) => p.data?.some((o) => o.id === m.id));
  if (at >= 0) return withPage(pages, at, (data) => data.map((o) => (o.id === m.id ? newer(o, m) : o)));
  return insert(pages, m);
}

function insert(pages: Pages, m: Message): Pages {
  const last = pages.pages.length - 1;
  for (const [i, p] of pages.pages.entries()) {
    const data = p.data ?? [];
    const oldest = data.at(-1);
    // A page takes what is newer than its oldest; the last one takes the rest when nothing is behind it.
    if (oldest ? compare(m, oldest) < 0 && !(i === last && !p.next) : i < last || p.next) continue;
    const newest = data[0];
    if (i === 0 && p.prev && (!newest || compare(m, newest) > 0)) return pages; // there is more between
    const place = data.findIndex((o) => compare(m, o) > 0);
    return withPage(pages, i, (d) => (place < 0 ? [...d, m] : d.toSpliced(place, 0, m)));
  }
  return pages;
}

function withPage(pages: Pages, at: number, change: (data: Message[]) => Message[]): Pages {
  return { ...pages, pages: pages.pages.map((p, i) => (i === at ? { ...p, data: change(p.data ?? []) } : p)) };
}

/** Of two states of one message the later one: events may overtake answers. */
export function newer(old: Message, fresh: Message): Message {
  const known = life.indexOf(old.status);
  const told = life.indexOf(fresh.status);
  return told >= 0 && known > told && stamp(old.updated_at) > stamp(fresh.updated_at) ? old : fresh;
}

/** Orders messages by when they were made: below zero if a is older than b. */
export function compare(a: Pick<Message, "created_at" | "id">, b: Pick<Message, "created_at" | "id">): number {
  const [x, y] = [stamp(a.created_at), stamp(b.created_at)];
  if (x !== y) return x < y ? -1 : 1;
  return a.id === b.id ? 0 : a.id < b.id ? -1 : 1;
}

/** A time that can be compared as text: fractions of a second come in all lengths. */
export function stamp(iso: string): string {
  const [whole = "", fraction = ""] = iso.replace("Z", "").split(".");
  return `${whole}.${fraction.padEnd(9, "0")}`;
}

/** All messages, the oldest first. */
export function inOrder(pages: Pages | undefined): Message[] {
  return (pages?.pages ?? []).flatMap((p) => p.data ?? []).reverse();
}

/** Reports whether the pages reach up to the newest message. */
export function reachNewest(pages: Pages | undefined): boolean {
  return pages !== undefined && !pages.pages[0]?.prev;
}
