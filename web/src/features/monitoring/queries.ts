import { queryOptions } from "@tanstack/react-query";
import { getHowThePlatformDoes } from "@/api/generated";
import { ask } from "@/lib/trouble";

/** Milliseconds between two looks; the processes tell of themselves as often. */
export const lookEvery = 10_000;

export const monitoringQuery = queryOptions({
  queryKey: ["monitoring"],
  queryFn: () => ask(getHowThePlatformDoes({ query: { time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone } })),
  refetchInterval: lookEvery,
  staleTime: 0,
});
