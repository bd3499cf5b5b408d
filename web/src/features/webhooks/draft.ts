// An endpoint while somebody edits it.

import type { Endpoint, NewWebhook, WebhookChange } from "@/api/generated";

export interface HeaderRow {
  name: string;
  value: string;
}

export interface Draft {
  url: string;
  description: string;
  events: string[];
  clients: string[];
  directions: string[];
  chatKinds: string[];
  payload: "full" | "thin";
  ordered: boolean;
  batch: number;
  /** undefined keeps those that there are: the API does not show their values. */
  headers: HeaderRow[] | undefined;
  maxInFlight: number;
  /** Requests a second; undefined for no limit. */
  rate: number | undefined;
  timeoutSeconds: number;
}

const fresh: Draft = {
  url: "",
  description: "",
  events: ["*"],
  clients: [],
  directions: [],
  chatKinds: [],
  payload: "full",
  ordered: false,
  batch: 1,
  headers: [],
  maxInFlight: 8,
  rate: undefined,
  timeoutSeconds: 15,
};

/** What the form begins with. */
export function draftOf(e?: Endpoint): Draft {
  if (!e) return fresh;
  return {
    url: e.url,
    description: e.description ?? "",
    events: e.events,
    clients: e.clients ?? [],
    directions: e.directions ?? [],
    chatKinds: e.chat_kinds ?? [],
    payload: e.payload,
    ordered: e.ordered,
    batch: e.batch,
    headers: Object.keys(e.headers ?? {}).length > 0 ? undefined : [],
    maxInFlight: e.max_in_flight,
    rate: e.rate,
    timeoutSeconds: e.timeout_ms / 1000,
  };
}

function headersOf(rows: HeaderRow[]): Record<string, string> {
  return Object.fromEntries(rows.filter((r) => r.name.trim()).map((r) => [r.name.trim(), r.value]));
}

function shared(d: Draft) {
  return {
    url: d.url.trim(),
    events: d.events,
    clients: d.clients,
    directions: d.directions,
    chat_kinds: d.chatKinds,
    payload: d.payload,
    ordered: d.ordered,
    batch: d.ordered ? d.batch : 1,
    max_in_flight: d.maxInFlight,
    timeout_ms: Math.round(d.timeoutSeconds * 1000),
  };
}

/** The request that makes it. */
export function newWebhook(d: Draft): NewWebhook {
  const headers = headersOf(d.headers ?? []);
  return {
    ...shared(d),
    ...(d.description.trim() ? { description: d.description.trim() } : {}),
    ...(d.rate ? { rate: d.rate } : {}),
    ...(Object.keys(headers).length > 0 ? { headers } : {}),
  };
}

/** The request that changes it. */
export function webhookChange(d: Draft): WebhookChange {
  return {
    ...shared(d),
    description: d.description.trim(),
    rate: d.rate ?? null,
    ...(d.headers ? { headers: headersOf(d.headers) } : {}),
  };
}
