import { Modal } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { createAnApiKey } from "@/api/generated";
import { endOf } from "@/features/keys/expiry";
import { type Draft, Form } from "@/features/keys/Form";
import { Made } from "@/features/keys/Made";
import { useT } from "@/lib/i18n";
import { ask } from "@/lib/trouble";

const fresh: Draft = { name: "", scopes: [], networks: [], rate: undefined, expiry: { life: "365", field: "" } };

/** Makes a key, and shows it this once. */
export function Create({ onClose }: { onClose: () => void }) {
  const { t } = useT();
  const cache = useQueryClient();
  const create = useMutation({
    mutationFn: (d: Draft) => {
      const expires_at = endOf(d.expiry);
      return ask(
        createAnApiKey({
          body: {
            name: d.name.trim(),
            scopes: d.scopes,
            ...(d.networks.length > 0 ? { networks: d.networks } : {}),
            ...(d.rate ? { rate: d.rate } : {}),
            ...(expires_at ? { expires_at } : {}),
          },
        }),
      );
    },
    onSuccess: () => cache.invalidateQueries({ queryKey: ["keys"] }),
  });
  if (create.data) return <Made title={t("keys.ready")} made={create.data} onClose={onClose} />;
  return (
    <Modal opened onClose={onClose} title={t("keys.add")} centered size="lg" closeOnClickOutside={false}>
      <Form
        initial={fresh}
        action={t("keys.add")}
        busy={create.isPending}
        error={create.error}
        onSubmit={(d) => create.mutate(d)}
        onClose={onClose}
      />
    </Modal>
  );
}
