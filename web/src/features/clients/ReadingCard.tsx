import { Switch } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type Client, changeAClient } from "@/api/generated";
import { Section } from "@/components/Section";
import { TroubleNote } from "@/components/TroubleNote";
import { useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";
import { ask } from "@/lib/trouble";

/** Whether people see that what they wrote to a number was read. */
export function ReadingCard({ client: c }: { client: Client }) {
  const { t } = useT();
  const allowed = useMay()("clients:write");
  const cache = useQueryClient();
  const set = useMutation({
    mutationFn: (send: boolean) => ask(changeAClient({ path: { client: c.id }, body: { send_read_receipts: send } })),
    onSuccess: (changed) => cache.setQueryData(["client", c.id], changed),
  });
  return (
    <Section title={t("reading.title")}>
      <Switch
        label={t("reading.send")}
        description={t("reading.send.text")}
        checked={set.isPending ? set.variables : c.send_read_receipts}
        onChange={(e) => set.mutate(e.currentTarget.checked)}
        disabled={!allowed || set.isPending}
      />
      <TroubleNote error={set.error} />
    </Section>
  );
}
