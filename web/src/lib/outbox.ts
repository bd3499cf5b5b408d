// What was written here and is not yet a message: it stands in the conversation
// at once, and stays there with the API's words when it was refused.

import { type QueryClient, queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type Chat, type Message, sendAMessage } from "@/api/generated";
import { putChat, touch } from "@/lib/chats";
import { type Pages, upsert } from "@/lib/conversation";
import { ask } from "@/lib/trouble";

// Marks our own references: another caller's may stand for several messages.
const prefix = "web_";

/** What a message says: its type, and the one object that the type names. */
export interface Content {
  type: string;
  text?: { body: string };
}

export interface Pending {
  ref: string;
  content: Content;
  replyTo?: string;
  at: string;
  /** Why it was not taken; absent while it is on its way. */
  error?: unknown;
}

/** A name for the next message that is written here. */
export const newRef = () => prefix + crypto.randomUUID();

/** The reference under which a message was written in this dashboard, if it was. */
export function ownRef(m: Message): string | undefined {
  return m.client_ref?.startsWith(prefix) ? m.client_ref : undefined;
}

/** What still stands in for messages: an event may bring one before the answer does. */
export function standing(pending: Pending[], messages: Message[]): Pending[] {
  if (pending.length === 0) return pending;
  const come = new Set(messages.map(ownRef));
  return pending.filter((p) => !come.has(p.ref));
}

/** All of them, one with why it was not taken, or on its way again; the others stay as they are. */
export function marked(all: Pending[], ref: string, error?: unknown): Pending[] {
  return all.map((p) => {
    if (p.ref !== ref) return p;
    const { error: _, ...waiting } = p;
    return error ? { ...waiting, error } : waiting;
  });
}

const outboxQuery = (chat: string) =>
  queryOptions<Pending[]>({
    queryKey: ["outbox", chat],
    enabled: false,
    initialData: [],
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: Number.POSITIVE_INFINITY,
  });

function change(cache: QueryClient, chat: string, f: (all: Pending[]) => Pending[]): void {
  cache.setQueryData<Pending[]>(["outbox", chat], (all) => f(all ?? []));
}

/** What waits in a chat, and how to send more. Messages leave one after the other, in the order written. */
export function useOutbox(chat: Chat) {
  const cache = useQueryClient();
  const { data: pending } = useQuery(outboxQuery(chat.id));
  const drop = (ref: string) => change(cache, chat.id, (all) => all.filter((p) => p.ref !== ref));
  const mark = (ref: string, error: unknown) => change(cache, chat.id, (all) => marked(all, ref, error));
  const { mutate } = useMutation({
    scope: { id: `send ${chat.id}` },
    mutationFn: (p: Pending) => ask(sendAMessage(request(chat, p))),
    onSuccess: (m, p) => {
      cache.setQueriesData<Pages>({ queryKey: ["messages", chat.id] }, (pages) => upsert(pages, m));
      putChat(cache, touch(cache.getQueryData<Chat>(["chat", chat.id]) ?? chat, m));
      drop(p.ref);
    },
    onError: (error, p) => mark(p.ref, error),
  });
  return {
    pending,
    send: (content: Content, replyTo?: string) => {
      const p: Pending = { ref: newRef(), content, at: new Date().toISOString(), ...(replyTo ? { replyTo } : {}) };
      change(cache, chat.id, (all) => [...all, p]);
      mutate(p);
    },
    again: (p: Pending) => {
      mark(p.ref, undefined);
      mutate(p);
    },
    drop,
  };
}

// The reference names the request too: what was lost on the way is not sent twice.
function request(chat: Chat, p: Pending) {
  return {
    path: { client: chat.client_id },
    headers: { "Idempotency-Key": p.ref },
    body: { to: chat.id, ...p.content, lane: "urgent" as const, client_ref: p.ref, ...(p.replyTo ? { reply_to: p.replyTo } : {}) },
  };
}
