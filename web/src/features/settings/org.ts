import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { changeTheOrganisation, type OrgChange } from "@/api/generated";
import { useT } from "@/lib/i18n";
import { orgQuery } from "@/lib/org";
import { ask } from "@/lib/trouble";

export type { Org } from "@/lib/org";

/** A change of the organisation; its answer goes to where it is shown. */
export function useOrgChange() {
  const { t } = useT();
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: OrgChange) => ask(changeTheOrganisation({ body })),
    onSuccess: (org) => {
      cache.setQueryData(orgQuery.queryKey, org);
      void cache.invalidateQueries({ queryKey: ["me"] });
      notifications.show({ message: t("saved"), color: "jade" });
    },
  });
}
