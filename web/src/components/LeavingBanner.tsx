import "@/components/stop-bar.css";
import { Button, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconTrash } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type OrgDeletion, takeTheOrganisationDeletionBack } from "@/api/generated";
import { Confirm } from "@/components/Confirm";
import { when } from "@/lib/format";
import { type Translator, useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";
import { ask } from "@/lib/trouble";
import { useNow } from "@/lib/useNow";

/** Says on every page that the organisation is being deleted, and is the way back. */
export function LeavingBanner({ deletion }: { deletion: OrgDeletion }) {
  const translator = useT();
  const now = useNow(30_000);
  return (
    <div className="stop-bar stop-bar-leaving" role="alert">
      <IconTrash size={20} aria-hidden />
      <div>
        <Text size="sm" fw={650}>
          {translator.t("leaving.title")}
        </Text>
        <Text size="sm">{until(deletion, now, translator)}</Text>
      </div>
      <div className="stop-bar-end">
        <Keep />
      </div>
    </div>
  );
}

/** How long there is to take it back, in words. */
export function until(d: OrgDeletion, now: number, { t, language }: Pick<Translator, "t" | "language">): string {
  return Date.parse(d.due_at) > now ? t("leaving.text", { when: when(d.due_at, language) }) : t("leaving.over");
}

/** The way back, for who may. */
export function Keep() {
  const { t } = useT();
  const cache = useQueryClient();
  const allowed = useMay();
  const [asking, setAsking] = useState(false);
  const keep = useMutation({
    mutationFn: () => ask(takeTheOrganisationDeletionBack()),
    onSuccess: () => {
      setAsking(false);
      notifications.show({ message: t("leaving.kept"), color: "jade" });
      return cache.invalidateQueries();
    },
  });
  if (!allowed("org:delete")) return <Text size="xs">{t("leaving.admin")}</Text>;
  return (
    <>
      <Button size="xs" color="red.8" onClick={() => setAsking(true)}>
        {t("leaving.keep")}
      </Button>
      {asking && (
        <Confirm
          title={t("leaving.keep")}
          text={t("leaving.keep.text")}
          action={t("leaving.keep")}
          busy={keep.isPending}
          error={keep.error}
          onConfirm={() => keep.mutate()}
          onClose={() => setAsking(false)}
        />
      )}
    </>
  );
}
