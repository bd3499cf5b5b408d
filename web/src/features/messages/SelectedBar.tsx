import { Button, Group, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import type { Message } from "@/api/generated";
import { Confirm } from "@/components/Confirm";
import { each } from "@/features/messages/each";
import { canCancel, canRetry, useFate } from "@/lib/fate";
import { useT } from "@/lib/i18n";
import { Trouble } from "@/lib/trouble";

interface Props {
  rows: Message[];
  selected: ReadonlySet<string>;
  onClear: () => void;
}

/** What can be done with the picked messages together. */
export function SelectedBar({ rows, selected, onClear }: Props) {
  const { t } = useT();
  const [sure, setSure] = useState(false);
  const { cancel, retry } = useFate();
  const picked = rows.filter((m) => selected.has(m.id));
  const toCancel = picked.filter(canCancel);
  const toRetry = picked.filter(canRetry);
  const act = useMutation({
    mutationFn: async (what: "cancel" | "retry") => {
      const [verb, which] = what === "cancel" ? [cancel, toCancel] : [retry, toRetry];
      return { what, ...(await each(which, (m) => verb.mutateAsync(m.id))) };
    },
    onSuccess: ({ what, done, refused }) => {
      setSure(false);
      onClear();
      if (done > 0)
        notifications.show({ message: t(what === "cancel" ? "messages.cancelled.some" : "messages.retried.some", { count: done }) });
      const why = refused[0] instanceof Trouble ? refused[0].message : "";
      if (refused.length > 0) {
        notifications.show({ color: "red", autoClose: 10_000, message: t("messages.refused.some", { count: refused.length, why }) });
      }
    },
  });
  if (picked.length === 0) return null;
  return (
    <Group className="selected-bar" justify="space-between" role="toolbar" aria-label={t("messages.selected", { count: picked.length })}>
      <Text size="sm" fw={600}>
        {t("messages.selected", { count: picked.length })}
      </Text>
      <Group gap="xs">
        {toRetry.length > 0 && (
          <Button size="compact-md" loading={act.isPending} onClick={() => act.mutate("retry")}>
            {t("messages.retry.many", { count: toRetry.length })}
          </Button>
        )}
        {toCancel.length > 0 && (
          <Button size="compact-md" color="red.8" loading={act.isPending} onClick={() => setSure(true)}>
            {t("messages.cancel.many", { count: toCancel.length })}
          </Button>
        )}
        <Button size="compact-md" variant="default" onClick={onClear}>
          {t("messages.unselect")}
        </Button>
      </Group>
      {sure && (
        <Confirm
          title={t("messages.cancel.title", { count: toCancel.length })}
          text={t("messages.cancel.text")}
          action={t("messages.cancel.do")}
          busy={act.isPending}
          error={act.error}
          onConfirm={() => act.mutate("cancel")}
          onClose={() => setSure(false)}
        />
      )}
    </Group>
  );
}
