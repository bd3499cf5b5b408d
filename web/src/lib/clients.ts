import { queryOptions } from "@tanstack/react-query";
import { listClients } from "@/api/generated";
import { everyPage } from "@/lib/pages";
import { ask } from "@/lib/trouble";

/** All numbers that the user sees, which live events keep true. */
export const clientsQuery = queryOptions({
  queryKey: ["clients"],
  queryFn: () => everyPage((cursor) => ask(listClients({ query: { limit: 200, cursor } }))),
  refetchInterval: 30_000, // for who hears no events
});
