import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import {
  type Client,
  getAClient,
  getAClientCondition,
  getAClientLimits,
  type ListClient,
  listHowAClientWas,
  listTheConditionOfClients,
  listUsers,
  listWhomAClientIsAssignedTo,
} from "@/api/generated";
import { complain } from "@/components/TroubleNote";
import { byCursor, everyPage } from "@/lib/pages";
import { ask } from "@/lib/trouble";

// Windows of limits slide while nothing happens: what was sent an hour ago counts no more.
const slide = 20_000;

export const clientQuery = (id: string) =>
  queryOptions({ queryKey: ["client", id], queryFn: () => ask(getAClient({ path: { client: id } })) });

export const limitsQuery = (id: string) =>
  queryOptions({ queryKey: ["limits", id], queryFn: () => ask(getAClientLimits({ path: { client: id } })) });

/** How all numbers are. */
export const healthsQuery = queryOptions({
  queryKey: ["health", "all"],
  queryFn: () => everyPage((cursor) => ask(listTheConditionOfClients({ query: { limit: 200, cursor } }))),
  refetchInterval: slide,
});

/** How one number is. */
export const healthQuery = (id: string) =>
  queryOptions({
    queryKey: ["health", id],
    queryFn: () => ask(getAClientCondition({ path: { client: id } })),
    refetchInterval: slide,
  });

/** What states a number was in, the newest first. */
export const historyQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ["history", id],
    queryFn: ({ pageParam }) => ask(listHowAClientWas({ path: { client: id }, query: { limit: 20, cursor: pageParam || undefined } })),
    ...byCursor,
  });

/** Whom a number is assigned to. */
export const assignedQuery = (id: string) =>
  queryOptions({ queryKey: ["assigned", id], queryFn: () => ask(listWhomAClientIsAssignedTo({ path: { client: id } })) });

/** Everybody to whom numbers can be assigned. */
export const agentsQuery = queryOptions({
  queryKey: ["users", "agents"],
  queryFn: () => everyPage((cursor) => ask(listUsers({ query: { role: "agent", limit: 200, cursor } }))),
});

/** A change of one client; its answer, the client, goes to where it is shown. */
export function useClientChange<V>(change: (v: V) => Promise<Client>) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: (c) => {
      cache.setQueryData(["client", c.id], c);
      cache.setQueryData<ListClient>(["clients"], (l) => l && { ...l, data: (l.data ?? []).map((o) => (o.id === c.id ? c : o)) });
    },
    onError: complain,
  });
}
