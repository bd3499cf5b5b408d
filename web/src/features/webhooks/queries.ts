import { queryOptions } from "@tanstack/react-query";
import { getAWebhook, listEventTypes } from "@/api/generated";
import { ask } from "@/lib/trouble";

export const catalogueQuery = queryOptions({
  queryKey: ["event-types"],
  queryFn: () => ask(listEventTypes()),
  staleTime: Number.POSITIVE_INFINITY,
});

/** Milliseconds between two looks at how endpoints do: no event tells of single deliveries. */
export const look = 4000;

export const webhookQuery = (id: string) =>
  queryOptions({ queryKey: ["webhooks", id], queryFn: () => ask(getAWebhook({ path: { webhook: id } })), refetchInterval: look });
