import { queryOptions } from "@tanstack/react-query";
import {
  countMessagesOverTime,
  type EndpointCounts,
  type Figures,
  getWhatIsGoingOn,
  listChats,
  listMessages,
  listWebhooks,
  type Overview,
  readEvents,
} from "@/api/generated";
import { type Range, windowOf } from "@/features/home/series";
import { feedKey } from "@/lib/freshen";
import { everyPage } from "@/lib/pages";
import { ask } from "@/lib/trouble";

/** What is going on; webhooks are of the whole organisation, so who sees only a part gets none. */
export type Now = Omit<Overview, "webhooks"> & { webhooks: EndpointCounts | null };

const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

// Events bring what is new sooner; this is for who does not hear them.
const nowAndThen = 30_000;

export const overviewQuery = queryOptions({
  queryKey: ["overview"],
  queryFn: async (): Promise<Now> => ask(getWhatIsGoingOn({ query: { time_zone: zone() } })),
  refetchInterval: nowAndThen,
});

export const figuresQuery = (range: Range) =>
  queryOptions({
    queryKey: ["analytics", range],
    queryFn: async (): Promise<Figures[]> =>
      (await ask(countMessagesOverTime({ query: { ...windowOf(range, new Date()), time_zone: zone() } }))).data,
    refetchInterval: nowAndThen,
  });

const feedBegins = 100;

export const feedQuery = queryOptions({
  queryKey: feedKey,
  queryFn: async () => (await ask(readEvents({ query: { newest: true, limit: feedBegins } }))).data.toReversed(),
  staleTime: Number.POSITIVE_INFINITY, // the stream goes on with it
});

/** What to call the other side of the chats that moved last, by the id of the chat. */
export const chatNamesQuery = queryOptions({
  queryKey: ["chat-names"],
  queryFn: async () => new Map((await ask(listChats({ query: { limit: 100 } }))).data.map((c) => [c.id, c.name])),
  refetchInterval: nowAndThen,
});

const day = 86_400_000;

/** The newest messages of the last day that did not go out. */
export const failedQuery = queryOptions({
  queryKey: ["failed"],
  queryFn: async () => {
    const since = new Date(Date.now() - day).toISOString();
    return (await ask(listMessages({ query: { status: ["failed", "expired"], since, limit: 4 } }))).data;
  },
});

/** The webhooks that do not take what they are sent, and those that were switched off for it. */
export const failingQuery = queryOptions({
  queryKey: ["webhooks", "failing"],
  queryFn: async () => {
    const all = await everyPage((cursor) => ask(listWebhooks({ query: { limit: 200, ...(cursor ? { cursor } : {}) } })));
    return all.data.filter((e) => (e.enabled ? e.health.state !== "ok" : Boolean(e.disabled_reason)));
  },
});

/** Whether anything was ever written or received; the first event of a message says so, too. */
export const anyMessageQuery = queryOptions({
  queryKey: ["any-message"],
  queryFn: async () => (await ask(listMessages({ query: { limit: 1 } }))).data.length > 0,
});
