import { Modal } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { changeAWebhook, type Endpoint } from "@/api/generated";
import { type Draft, draftOf, webhookChange } from "@/features/webhooks/draft";
import { Form } from "@/features/webhooks/Form";
import { useT } from "@/lib/i18n";
import { ask } from "@/lib/trouble";

export function Edit({ endpoint: e, onClose }: { endpoint: Endpoint; onClose: () => void }) {
  const { t } = useT();
  const cache = useQueryClient();
  const save = useMutation({
    mutationFn: (d: Draft) => ask(changeAWebhook({ path: { webhook: e.id }, body: webhookChange(d) })),
    onSuccess: (changed) => {
      cache.setQueryData(["webhooks", e.id], changed);
      void cache.invalidateQueries({ queryKey: ["webhooks"] });
      notifications.show({ message: t("saved"), color: "jade" });
      onClose();
    },
  });
  return (
    <Modal opened onClose={onClose} title={t("hooks.edit")} centered size="lg" closeOnClickOutside={false}>
      <Form
        initial={draftOf(e)}
        headers={Object.keys(e.headers ?? {})}
        action={t("save")}
        busy={save.isPending}
        error={save.error}
        onSubmit={(d) => save.mutate(d)}
        onClose={onClose}
      />
    </Modal>
  );
}
