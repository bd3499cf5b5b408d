import { Button } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { exportTheAuditLog } from "@/api/generated";
import { complain } from "@/components/TroubleNote";
import type { queryOf } from "@/features/audit/filters";
import { useT } from "@/lib/i18n";
import { save } from "@/lib/save";
import { ask } from "@/lib/trouble";

/** Saves what the filters let through, all of it, as a table. */
export function Export({ query }: { query: ReturnType<typeof queryOf> }) {
  const { t } = useT();
  const make = useMutation({
    // The session is in a header, so a plain link would be refused.
    mutationFn: async () => save((await ask(exportTheAuditLog({ query, parseAs: "blob" }))) as unknown as Blob, "audit.csv"),
    onError: complain,
  });
  return (
    <Button variant="default" leftSection={<IconDownload size={17} />} onClick={() => make.mutate()} loading={make.isPending}>
      {t("audit.export")}
    </Button>
  );
}
