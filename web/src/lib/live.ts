import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { Chat, Client, Contact, Event, ListClient, ListMessage, Message } from "@/api/generated";
import { dropContact, hearChat, putContact, touchChats, touchList, wantChat } from "@/lib/chats";
import { newer, type Pages, upsert } from "@/lib/conversation";
import { Freshener } from "@/lib/freshen";
import { listen } from "@/lib/sse";
import { Trouble } from "@/lib/trouble";

const longest = 15_000;

/** Follows the events of the org and keeps the query cache true; gives whether it hears anything. */
export function useLive(wanted: boolean): boolean {
  const cache = useQueryClient();
  const [hears, setHears] = useState(false);
  useEffect(() => {
    if (!wanted) return;
    const stop = new AbortController();
    const fresh = new Freshener(cache);
    const forget = remind(cache);
    void follow(cache, fresh, stop.signal, setHears);
    return () => {
      stop.abort();
      forget();
      fresh.stop();
    };
  }, [cache, wanted]);
  return hears;
}

async function follow(cache: QueryClient, fresh: Freshener, signal: AbortSignal, tell: (hears: boolean) => void): Promise<void> {
  let last = "";
  let tries = 0;
  let first = true;
  while (!signal.aborted) {
    try {
      await listen("/api/v1/events/stream", {
        signal,
        after: last,
        onOpen: () => {
          tries = 0;
          tell(true);
          // What happened while nobody listened is only known to the lists.
          if (!first && !last) void cache.invalidateQueries();
          first = false;
        },
        onEvent: (e) => {
          last = e.id || last;
          // Other numbers are the viewer's now, or others of their chats.
          if (e.event === "sight.changed") return void cache.invalidateQueries();
          const event = JSON.parse(e.data) as Event;
          apply(cache, event);
          fresh.hear(event);
        },
      });
    } catch (err) {
      if (err instanceof Trouble && err.status === 404) last = ""; // that event is not kept any more
      if (err instanceof Trouble && err.status === 403) return tell(false);
    }
    if (signal.aborted) return;
    tell(false);
    await pause(Math.min(longest, 500 * 2 ** tries++) * (0.75 + Math.random() / 2));
  }
}

const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

interface Facts {
  message?: Message;
  client?: Client;
  chat?: Chat;
  contact?: Contact;
}

/** Writes what an event tells into the cache; what it only hints at is the Freshener's. */
export function apply(cache: QueryClient, e: Event): void {
  const { message, client, chat, contact } = e.data as Facts;
  const family = e.type.split(".")[0];
  if (message) applyMessage(cache, message, e.type);
  if (chat) hearChat(cache, chat);
  if (contact && e.type === "contact.erased") forgetContact(cache, contact.id);
  else if (contact) putContact(cache, contact);
  if (client) applyClient(cache, client, e.type === "client.deleted");
  if (e.type === "client.limits_changed") void cache.invalidateQueries({ queryKey: ["limits", e.client_id] });
  if (family === "client") void cache.invalidateQueries({ queryKey: ["history", e.client_id] });
  if (/^(client|org)\.(stopped|released)$/.test(e.type)) void cache.invalidateQueries({ queryKey: ["stops"] });
  if (family === "org") void cache.invalidateQueries({ queryKey: ["client"] });
  // What everybody may do is another thing now.
  if (/^org\.(deletion_asked|kept)$/.test(e.type)) void cache.invalidateQueries();
}

type Hearer = (m: Message, type: string) => void;
const hearers = new Set<Hearer>();

/** Calls back for every message event; f must be stable. */
export function useHeard(f: Hearer): void {
  useEffect(() => {
    hearers.add(f);
    return () => void hearers.delete(f);
  }, [f]);
}

// What was heard lately, for answers that were under way meanwhile and know nothing of it.
const recall = 15_000;
const recallAtMost = 500;
let heard: { at: number; message: Message }[] = [];

function applyMessage(cache: QueryClient, m: Message, type: string): void {
  const now = Date.now();
  heard = [...heard.filter((h) => now - h.at < recall).slice(1 - recallAtMost), { at: now, message: m }];
  for (const q of cache.getQueryCache().findAll({ predicate: (q) => tells(q.queryKey, m) })) write(cache, q.queryKey, m);
  void cache.invalidateQueries({ queryKey: ["timeline", m.id] });
  // How many are unread only the API counts: what arrives may be older than what was said last.
  if (m.chat_id && (!touchChats(cache, m) || type === "message.received")) wantChat(cache, m.chat_id);
  for (const f of hearers) f(m, type);
}

function forgetContact(cache: QueryClient, id: string): void {
  void cache.invalidateQueries({ queryKey: ["erasures"] });
  const gone = dropContact(cache, id);
  heard = heard.filter((h) => !gone.has(h.message.chat_id ?? ""));
}

function tells([family, id]: readonly unknown[], m: Message): boolean {
  return family === "table" || (family === "messages" && id === m.chat_id) || (family === "message" && id === m.id);
}

function write(cache: QueryClient, key: readonly unknown[], m: Message): void {
  if (key[0] === "messages") cache.setQueryData<Pages>(key, (pages) => upsert(pages, m));
  else if (key[0] === "table") cache.setQueryData<ListMessage>(key, (list) => list && replaced(list, m));
  else cache.setQueryData<Message>(key, (old) => old && { ...old, ...newer(old, m) });
}

function replaced(list: ListMessage, m: Message): ListMessage {
  return { ...list, data: list.data.map((o) => (o.id === m.id ? newer(o, m) : o)) };
}

/** Tells answers what was heard while they were under way; until the returned function is called. */
export function remind(cache: QueryClient): () => void {
  return cache.getQueryCache().subscribe((e) => {
    if (e.type !== "updated" || e.action.type !== "success" || e.action.manual) return;
    const key = e.query.queryKey;
    const since = Date.now() - recall;
    for (const h of heard) {
      if (h.at < since) continue;
      if (tells(key, h.message)) write(cache, key, h.message);
      if (key[0] === "chats") touchList(cache, key, h.message);
    }
  });
}

function applyClient(cache: QueryClient, c: Client, gone: boolean): void {
  cache.setQueryData<ListClient>(["clients"], (list) => {
    const others = list?.data?.filter((o) => o.id !== c.id) ?? [];
    if (!list || gone) return list && { ...list, data: others };
    const known = list.data?.some((o) => o.id === c.id);
    return { ...list, data: known ? (list.data ?? []).map((o) => (o.id === c.id ? c : o)) : [c, ...others] };
  });
  if (!gone) cache.setQueryData(["client", c.id], c);
}
