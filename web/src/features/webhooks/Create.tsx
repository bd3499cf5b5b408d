import { Modal } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { createAWebhook } from "@/api/generated";
import { type Draft, draftOf, newWebhook } from "@/features/webhooks/draft";
import { Form } from "@/features/webhooks/Form";
import { ShownOnce } from "@/features/webhooks/ShownOnce";
import { useT } from "@/lib/i18n";
import { ask } from "@/lib/trouble";

/** Makes an endpoint, and shows its secret this once. */
export function Create({ onClose }: { onClose: () => void }) {
  const { t } = useT();
  const cache = useQueryClient();
  const create = useMutation({
    mutationFn: (d: Draft) => ask(createAWebhook({ body: newWebhook(d) })),
    onSuccess: () => cache.invalidateQueries({ queryKey: ["webhooks"] }),
  });
  if (create.data) return <ShownOnce title={t("hooks.made")} secret={create.data.secret} onClose={onClose} />;
  return (
    <Modal opened onClose={onClose} title={t("hooks.add")} centered size="lg" closeOnClickOutside={false}>
      <Form
        initial={draftOf()}
        action={t("hooks.add")}
        busy={create.isPending}
        error={create.error}
        onSubmit={(d) => create.mutate(d)}
        onClose={onClose}
      />
    </Modal>
  );
}
