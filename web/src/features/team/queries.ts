import { notifications } from "@mantine/notifications";
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { getWhatAPersonLooksAfter, listInvitations, listUsers, type User } from "@/api/generated";
import { useT } from "@/lib/i18n";
import { byCursor, everyPage } from "@/lib/pages";
import { ask } from "@/lib/trouble";

/** Whom to show; what is absent does not matter. */
export interface Wanted {
  role?: User["role"];
  status?: User["status"];
}

const look = 10_000; // milliseconds: no event tells who joins

export const usersQuery = (wanted: Wanted) =>
  infiniteQueryOptions({
    queryKey: ["users", "pages", wanted],
    queryFn: ({ pageParam }) => ask(listUsers({ query: { ...wanted, limit: 50, cursor: pageParam || undefined } })),
    ...byCursor,
    refetchInterval: look,
  });

/** All invitations: which are open is found out here. */
export const invitationsQuery = queryOptions({
  queryKey: ["invitations"],
  queryFn: () => everyPage((cursor) => ask(listInvitations({ query: { limit: 200, cursor } }))),
  refetchInterval: look,
});

export const assignmentsQuery = (user: string) =>
  queryOptions({ queryKey: ["assignments", user], queryFn: () => ask(getWhatAPersonLooksAfter({ path: { user } })) });

/** Something done to somebody; the lists show it afterwards. */
export function useDeed<V>(deed: (v: V) => Promise<unknown>, onDone?: () => void) {
  const { t } = useT();
  const cache = useQueryClient();
  return useMutation({
    mutationFn: deed,
    onSuccess: () => {
      void cache.invalidateQueries({ queryKey: ["users"] });
      notifications.show({ message: t("saved"), color: "jade" });
      onDone?.();
    },
  });
}
