// The list of chats as the query cache holds it: pages under their filter, the
// one that moved last first.

import type { InfiniteData, QueryClient } from "@tanstack/react-query";
import { type Chat, type Contact, getAChat, type ListChat, type Me, type Message } from "@/api/generated";
import { compare, stamp } from "@/lib/conversation";
import { ask } from "@/lib/trouble";

export type ChatPages = InfiniteData<ListChat>;

export interface ChatFilter {
  q: string;
  client: string;
  unread: boolean;
  assigned: "" | "me" | "none";
}

export const everyChat: ChatFilter = { q: "", client: "", unread: false, assigned: "" };

export const chatsKey = (f: ChatFilter) => ["chats", f] as const;

// As long as the API's.
const previewLength = 160;

/** Reports whether a chat is of a filter; what a search finds only the API knows. */
export function fits(c: Chat, f: ChatFilter, me: string | undefined): boolean {
  if (f.q || (f.client && c.client_id !== f.client) || (f.unread && c.unread === 0)) return false;
  if (f.assigned === "me") return c.assigned_to === me && me !== undefined;
  return f.assigned !== "none" || !c.assigned_to;
}

const moved = (c: Chat) => stamp(c.last_message_at ?? c.created_at);

/**
 * Puts a chat where it belongs. One that is listed stays so even when it fits no
 * more, so that nothing vanishes under the pointer; a search keeps its order.
 */
export function place(pages: ChatPages | undefined, c: Chat, f: ChatFilter, me: string | undefined): ChatPages | undefined {
  if (!pages) return pages;
  const old = pages.pages.flatMap((p) => p.data ?? []).find((o) => o.id === c.id);
  const inPlace = old && (f.q || moved(old) === moved(c));
  if (inPlace) return each(pages, (data) => data.map((o) => (o.id === c.id ? c : o)));
  if (!old && !fits(c, f, me)) return pages;
  return insert(
    each(pages, (data) => data.filter((o) => o.id !== c.id)),
    c,
  );
}

function insert(pages: ChatPages, c: Chat): ChatPages {
  const last = pages.pages.length - 1;
  let done = false;
  const next = pages.pages.map((p, i) => {
    const data = p.data ?? [];
    const at = data.findIndex((o) => moved(o) < moved(c));
    if (done || (at < 0 && !(i === last && !p.next))) return p;
    done = true;
    return { ...p, data: at < 0 ? [...data, c] : data.toSpliced(at, 0, c) };
  });
  return { ...pages, pages: next };
}

function each(pages: ChatPages, change: (data: Chat[]) => Chat[]): ChatPages {
  return { ...pages, pages: pages.pages.map((p) => ({ ...p, data: change(p.data ?? []) })) };
}

/**
 * The chat after a message: what was said last, and one more unread when it is news from them. WhatsApp tells
 * the time of what people write in whole seconds: of two with one time the id tells which is newer, as in the API.
 */
export function touch(c: Chat, m: Message): Chat {
  const known = c.last_message;
  if (known?.id === m.id)
    return { ...c, last_message_at: later(c.last_message_at, m.sent_at), last_message: { ...known, status: m.status } };
  if (known ? compare(m, known) < 0 : c.last_message_at && stamp(m.created_at) <= stamp(c.last_message_at)) return c;
  const { id, direction, type, status, origin, created_at } = m;
  return {
    ...c,
    unread: c.unread + (direction === "inbound" ? 1 : 0),
    last_message_at: later(c.last_message_at, created_at),
    last_message: { id, direction, type, status, origin, created_at, preview: preview(m) },
  };
}

const later = (a: string | undefined, b: string | undefined) => (a && (!b || stamp(b) <= stamp(a)) ? a : b);

/** The first words of a message, on one line. */
export function preview(m: Message): string {
  return [...(m.text?.body ?? "").replace(/\s+/g, " ").trim()].slice(0, previewLength).join("");
}

/** Writes what is known of a person into the chats with them. */
export function putContact(cache: QueryClient, c: Contact): void {
  const name = c.name || c.push_name || c.phone || "";
  const named = (o: Chat): Chat => (o.contact_id === c.id && o.kind === "direct" ? { ...o, name, phone: c.phone ?? "" } : o);
  cache.setQueriesData<ChatPages>({ queryKey: ["chats"] }, (pages) => pages && each(pages, (data) => data.map(named)));
  cache.setQueriesData<Chat>({ queryKey: ["chat"] }, (o) => o && named(o));
}

/** Takes a person who was erased out of every list and page, and gives the chats that there were with them. */
export function dropContact(cache: QueryClient, id: string): Set<string> {
  const gone = new Set<string>();
  const theirs = (c: Chat) => c.contact_id === id && c.kind === "direct";
  for (const [, pages] of lists(cache)) for (const c of pages?.pages.flatMap((p) => p.data ?? []) ?? []) if (theirs(c)) gone.add(c.id);
  for (const [, c] of cache.getQueriesData<Chat>({ queryKey: ["chat"] })) if (c && theirs(c)) gone.add(c.id);
  cache.setQueriesData<ChatPages>({ queryKey: ["chats"] }, (pages) => pages && each(pages, (data) => data.filter((c) => !gone.has(c.id))));
  for (const chat of gone) for (const of of ["chat", "messages"]) void cache.resetQueries({ queryKey: [of, chat] });
  // What was said to them stands in other places, too.
  for (const of of ["table", "hits", "message", "timeline"]) void cache.invalidateQueries({ queryKey: [of] });
  return gone;
}

type Lists = [readonly unknown[], ChatPages | undefined][];

const lists = (cache: QueryClient): Lists => cache.getQueriesData<ChatPages>({ queryKey: ["chats"] });
const among = (pages: ChatPages | undefined, id: string) => pages?.pages.flatMap((p) => p.data ?? []).find((c) => c.id === id);

// Events may tell less of a chat than lists do, and know nothing of a message that still waits to be sent.
const filled = (c: Chat, old: Chat | undefined): Chat => ({
  ...pick(old),
  ...c,
  last_message_at: later(c.last_message_at, old?.last_message_at),
});
const pick = (old: Chat | undefined) => old && { name: old.name, phone: old.phone, last_message: old.last_message };

/** Writes what an event tells of a chat, or asks for it. */
export function hearChat(cache: QueryClient, c: Chat): void {
  outdate(cache, c.id);
  if (knownChat(cache, c.id)) putChat(cache, c);
  else wantChat(cache, c.id);
}

/** Writes what is known of a chat into every list and page. */
export function putChat(cache: QueryClient, c: Chat): void {
  const me = cache.getQueryData<Me>(["me"])?.user?.id;
  for (const [key, pages] of lists(cache)) {
    cache.setQueryData(key, place(pages, filled(c, among(pages, c.id) ?? knownChat(cache, c.id)), key[1] as ChatFilter, me));
  }
  cache.setQueryData<Chat>(["chat", c.id], (old) => old && filled(c, old));
}

/** Writes what a message does to its chat; false when nobody has asked for the chat yet. */
export function touchChats(cache: QueryClient, m: Message): boolean {
  outdate(cache, m.chat_id ?? "");
  const chat = m.chat_id ? knownChat(cache, m.chat_id) : undefined;
  if (!chat) return false;
  for (const [key] of lists(cache)) touchList(cache, key, m, chat);
  cache.setQueryData<Chat>(["chat", chat.id], (old) => old && touch(old, m));
  return true;
}

/** Writes what a message does to its chat in one list. */
export function touchList(cache: QueryClient, key: readonly unknown[], m: Message, known?: Chat): void {
  const me = cache.getQueryData<Me>(["me"])?.user?.id;
  cache.setQueryData<ChatPages>(key, (pages) => {
    const chat = (m.chat_id ? among(pages, m.chat_id) : undefined) ?? known;
    return chat ? place(pages, touch(chat, m), key[1] as ChatFilter, me) : pages;
  });
}

/** The chat as some list or page shows it. */
export function knownChat(cache: QueryClient, id: string): Chat | undefined {
  const single = cache.getQueryData<Chat>(["chat", id]);
  if (single) return single;
  for (const [, pages] of lists(cache)) {
    const found = among(pages, id);
    if (found) return found;
  }
  return undefined;
}

const askedTogether = 400;
const askedSingly = 8;
const wanted = new WeakMap<QueryClient, Set<string>>();

/**
 * Asks for a chat that no list shows yet, or of which more was heard than adds up; many at once are asked for as lists.
 */
export function wantChat(cache: QueryClient, id: string): void {
  if (cache.getQueriesData({ queryKey: ["chats"] }).length === 0) return;
  const waiting = wanted.get(cache);
  if (waiting) {
    waiting.add(id);
    return;
  }
  const ids = new Set([id]);
  wanted.set(cache, ids);
  setTimeout(() => {
    wanted.delete(cache);
    if (ids.size > askedSingly) void cache.invalidateQueries({ queryKey: ["chats"] });
    else for (const chat of ids) void fetchChat(cache, chat);
  }, askedTogether);
}

// Chats that are being asked for, and whether something was heard of them meanwhile: the answer may not know of it.
const asking = new WeakMap<QueryClient, Map<string, boolean>>();

function outdate(cache: QueryClient, id: string): void {
  const chats = asking.get(cache);
  if (chats?.has(id)) chats.set(id, true);
}

async function fetchChat(cache: QueryClient, id: string): Promise<void> {
  const chats = asking.get(cache) ?? new Map<string, boolean>();
  asking.set(cache, chats);
  if (chats.has(id)) return void chats.set(id, true);
  chats.set(id, false);
  try {
    const c = await ask(getAChat({ path: { chat: id } }));
    if (!chats.get(id) || !knownChat(cache, id)) putChat(cache, c);
  } catch {
    // It is not this person's to see, or the next event asks again.
  }
  const again = chats.get(id);
  chats.delete(id);
  if (again) wantChat(cache, id);
}
