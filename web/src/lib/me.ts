import { queryOptions, useSuspenseQuery } from "@tanstack/react-query";
import { getWhoAsks, type Me } from "@/api/generated";
import { ask } from "@/lib/trouble";

export const meQuery = queryOptions({ queryKey: ["me"], queryFn: () => ask(getWhoAsks()), staleTime: 60_000 });

export function useMe(): Me {
  return useSuspenseQuery(meQuery).data;
}

/** Reports whether the user holds a permission, on everything or only on what is theirs. */
export function may(me: Me, permission: string): boolean {
  return permission in me.permissions;
}

export function useMay(): (permission: string) => boolean {
  const me = useMe();
  return (p) => may(me, p);
}
