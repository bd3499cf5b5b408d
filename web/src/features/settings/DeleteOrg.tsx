import { Button } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { deleteTheOrganisation, type OrgDeletion } from "@/api/generated";
import { Confirm } from "@/components/Confirm";
import { Keep, until } from "@/components/LeavingBanner";
import { Section } from "@/components/Section";
import type { Org } from "@/features/settings/org";
import { lasting } from "@/lib/format";
import { type Translator, useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";
import { ask } from "@/lib/trouble";
import { useNow } from "@/lib/useNow";

/** Deletes the organisation with all that is in it, for who may. */
export function DeleteOrg({ org }: { org: Org }) {
  const translator = useT();
  const { t } = translator;
  const cache = useQueryClient();
  const allowed = useMay();
  const [asking, setAsking] = useState(false);
  const remove = useMutation({
    mutationFn: () => ask(deleteTheOrganisation({ query: { name: org.name } })),
    onSuccess: () => {
      setAsking(false);
      return cache.invalidateQueries();
    },
  });
  if (org.deletion) return <Leaving deletion={org.deletion} />;
  if (!allowed("org:delete")) return null;
  return (
    <Section
      title={t("settings.delete")}
      text={t("settings.delete.text")}
      aside={
        <Button color="red.8" leftSection={<IconTrash size={18} />} onClick={() => setAsking(true)}>
          {t("settings.delete")}
        </Button>
      }
    >
      {asking && (
        <Confirm
          title={t("settings.delete")}
          text={warning(org.deletion_grace_seconds, translator)}
          action={t("settings.delete")}
          type={org.name}
          busy={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate()}
          onClose={() => setAsking(false)}
        />
      )}
    </Section>
  );
}

/** Where one has just deleted it, and comes to keep it. */
function Leaving({ deletion }: { deletion: OrgDeletion }) {
  const translator = useT();
  const now = useNow(30_000);
  return <Section title={translator.t("leaving.title")} text={until(deletion, now, translator)} aside={<Keep />} />;
}

/** What happens, and for how long it can be taken back. */
export function warning(grace: number, { t, language }: Pick<Translator, "t" | "language">): string {
  return grace > 0 ? t("settings.delete.sure", { time: lasting(grace, language) }) : t("settings.delete.sure.now");
}
