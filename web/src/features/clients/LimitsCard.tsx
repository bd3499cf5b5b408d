import { Skeleton, Stack } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { changeAClientLimits, type Limits } from "@/api/generated";
import { FormEnd } from "@/components/FormEnd";
import { LimitFacts, LimitFields, LimitReason, limitNames } from "@/components/LimitFields";
import { Section } from "@/components/Section";
import { TroubleNote } from "@/components/TroubleNote";
import { limitsQuery } from "@/features/clients/queries";
import { useT } from "@/lib/i18n";
import { isFaster } from "@/lib/limits";
import { useMay } from "@/lib/me";
import { ask } from "@/lib/trouble";

/** How fast a number may send. */
export function LimitsCard({ client }: { client: string }) {
  const { t } = useT();
  const allowed = useMay()("limits:write");
  const got = useQuery(limitsQuery(client));
  return (
    <Section title={t("limits.title")} text={t("limits.text")}>
      <TroubleNote error={got.error} />
      {got.isPending && <Skeleton h={200} />}
      {got.data && allowed && <Form key={JSON.stringify(got.data)} client={client} limits={got.data} />}
      {got.data && !allowed && <LimitFacts limits={got.data} />}
    </Section>
  );
}

function Form({ client, limits }: { client: string; limits: Limits }) {
  const { t } = useT();
  const cache = useQueryClient();
  const [draft, setDraft] = useState(limits);
  const [reason, setReason] = useState("");
  const faster = isFaster(draft, limits);
  const save = useMutation({
    mutationFn: () => ask(changeAClientLimits({ path: { client }, body: { ...draft, ...(faster && reason.trim() ? { reason } : {}) } })),
    onSuccess: (l) => {
      cache.setQueryData(["limits", client], l);
      void cache.invalidateQueries({ queryKey: ["health"] });
      notifications.show({ message: t("saved"), color: "jade" });
    },
  });
  const changed = JSON.stringify(draft) !== JSON.stringify(limits);
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        save.mutate();
      }}
    >
      <Stack gap="sm">
        <LimitFields
          value={draft}
          now={limits}
          onChange={(change) => setDraft((d) => ({ ...d, ...change }))}
          error={save.error}
          under="body"
        />
        {faster && <LimitReason value={reason} onChange={setReason} error={save.error} at="body.reason" />}
        <TroubleNote error={save.error} fields={[...limitNames("body"), "body.reason"]} />
        <FormEnd does={t("save")} busy={save.isPending} disabled={!changed} />
      </Stack>
    </form>
  );
}
