// What can still be done about a message.

import { type QueryClient, useMutation, useQueryClient } from "@tanstack/react-query";
import { cancelAMessage, type ListMessage, type Message, retryAFailedMessage } from "@/api/generated";
import { newer, type Pages, upsert } from "@/lib/conversation";
import { ask } from "@/lib/trouble";

/** Reports whether a message has not left yet. */
export const waits = (m: Message) => ["queued", "scheduled", "retry_wait"].includes(m.status);

export const canCancel = (m: Message) => m.direction === "outbound" && waits(m);
export const canRetry = (m: Message) => m.direction === "outbound" && m.status === "failed";

/** Writes a message that the API gave into everything that shows it. */
export function putMessage(cache: QueryClient, m: Message): void {
  cache.setQueriesData<Pages>({ queryKey: ["messages", m.chat_id] }, (pages) => upsert(pages, m));
  cache.setQueriesData<ListMessage>(
    { queryKey: ["table"] },
    (l) => l && { ...l, data: l.data.map((o) => (o.id === m.id ? newer(o, m) : o)) },
  );
  cache.setQueryData<Message>(["message", m.id], (old) => old && { ...old, ...newer(old, m) });
  void cache.invalidateQueries({ queryKey: ["timeline", m.id] });
}

/** Cancels what waits, retries what failed. */
export function useFate() {
  const cache = useQueryClient();
  const onSuccess = (m: Message) => putMessage(cache, m);
  const cancel = useMutation({ mutationFn: (id: string) => ask(cancelAMessage({ path: { message: id } })), onSuccess });
  const retry = useMutation({ mutationFn: (id: string) => ask(retryAFailedMessage({ path: { message: id } })), onSuccess });
  return { cancel, retry };
}
