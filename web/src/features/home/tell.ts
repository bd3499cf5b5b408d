// Events in plain words.

import type { Client, Contact, Event, Message } from "@/api/generated";
import { lasting, phone } from "@/lib/format";
import { fill, type Translator } from "@/lib/i18n";

/** What an event is to the one who looks on. */
export type Tone = "good" | "bad" | "warning" | "plain";

export interface Told {
  id: string;
  at: string;
  type: string;
  text: string;
  tone: Tone;
  /** Where there is more about it. */
  to:
    | { path: "/inbox/$chat"; chat: string }
    | { path: "/clients/$client"; client: string }
    | { path: "/webhooks/$webhook"; webhook: string }
    | undefined;
}

interface Facts {
  message?: Message | string;
  client?: Client;
  contact?: Contact;
  endpoint_id?: string;
  url?: string;
}

// Steps that say little by themselves and come in numbers.
const quiet = new Set(["chat.updated", "client.pairing", "contact.updated"]);

const bad = new Set(["message.failed", "client.banned", "client.error", "endpoint.disabled", "delivery.exhausted", "security.alert"]);
const warning = new Set([
  "message.expired",
  "client.logged_out",
  "client.replaced",
  "client.temp_banned",
  "client.restricted",
  "client.disconnected",
  "client.pairing_failed",
  "client.stopped",
  "org.stopped",
  "endpoint.failing",
  "platform.client_outdated",
  "contact.identity_changed",
]);
const good = new Set([
  "message.read",
  "message.received",
  "client.connected",
  "client.paired",
  "endpoint.recovered",
  "client.restriction_lifted",
]);

/** How an event looks. */
export function toneOf(type: string): Tone {
  if (bad.has(type)) return "bad";
  if (warning.has(type)) return "warning";
  return good.has(type) ? "good" : "plain";
}

/**
 * What deserves a line, newest first: a message that moves on has one line, with
 * the step that it reached.
 */
export function lines(events: Event[], most: number): Event[] {
  const out: Event[] = [];
  const messages = new Set<string>();
  for (const e of events) {
    const { message, client } = e.data as Facts;
    if (quiet.has(e.type) || (e.type === "client.changed" && client?.desired === "pairing")) continue;
    if (typeof message === "object") {
      if (messages.has(message.id)) continue;
      messages.add(message.id);
    }
    out.push(e);
    if (out.length === most) break;
  }
  return out;
}

/** Says what happened; names are those of the numbers and of the chats, by id. */
export function tell(e: Event, names: Map<string, string>, { t, word, language }: Pick<Translator, "t" | "word" | "language">): Told {
  const facts = e.data as Facts;
  const message = typeof facts.message === "object" ? facts.message : undefined;
  const values = {
    who: names.get(message?.chat_id ?? "") || whoOf(message, facts.contact) || t("feed.somebody"),
    number: facts.client?.name || names.get(e.client_id ?? "") || t("feed.number"),
    url: hostOf(facts.url) || t("feed.webhook"),
  };
  const text = e.type === "security.alert" ? alertOf(e.data as Alert, { word, language }) : fill(word("feed", e.type, e.type), values);
  return { id: e.id, at: e.created_at, type: e.type, text, tone: toneOf(e.type), to: placeOf(e, message, facts.endpoint_id) };
}

interface Alert {
  kind: string;
  count: number;
  usual?: number;
  window_seconds: number;
  message: string;
}

/** What looks like an attack; in the API's words where the kind is new to us. */
function alertOf(a: Alert, { word, language }: Pick<Translator, "word" | "language">): string {
  return fill(word("alert", a.kind, a.message), { count: a.count, usual: a.usual ?? 0, span: lasting(a.window_seconds, language) });
}

function whoOf(m: Message | undefined, c: Contact | undefined): string {
  if (c) return c.name || c.push_name || phone(c.phone);
  const other = m?.direction === "inbound" ? m.from : m?.to;
  return phone(other?.phone) || other?.input || "";
}

function hostOf(url: string | undefined): string {
  return url && URL.canParse(url) ? new URL(url).host : "";
}

function placeOf(e: Event, m: Message | undefined, endpoint: string | undefined): Told["to"] {
  if (m?.chat_id) return { path: "/inbox/$chat", chat: m.chat_id };
  if (endpoint) return { path: "/webhooks/$webhook", webhook: endpoint };
  if (e.client_id && e.type !== "client.deleted") return { path: "/clients/$client", client: e.client_id };
  return undefined;
}
