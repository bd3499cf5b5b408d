import { Modal } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ApiKey, changeAnApiKey } from "@/api/generated";
import { endOf } from "@/features/keys/expiry";
import { type Draft, Form } from "@/features/keys/Form";
import { useT } from "@/lib/i18n";
import { toField } from "@/lib/instant";
import { ask } from "@/lib/trouble";

function draftOf(k: ApiKey): Draft {
  return {
    name: k.name,
    scopes: k.scopes,
    networks: k.networks,
    rate: k.rate,
    expiry: { life: k.expires_at ? "date" : "never", field: toField(k.expires_at) },
  };
}

export function Edit({ apiKey: k, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const { t } = useT();
  const cache = useQueryClient();
  const save = useMutation({
    mutationFn: (d: Draft) => ask(changeAnApiKey({ path: { key: k.id }, body: changeOf(k, d) })),
    onSuccess: () => {
      void cache.invalidateQueries({ queryKey: ["keys"] });
      notifications.show({ message: t("saved"), color: "jade" });
      onClose();
    },
  });
  return (
    <Modal opened onClose={onClose} title={t("keys.edit")} centered size="lg" closeOnClickOutside={false}>
      <Form
        initial={draftOf(k)}
        action={t("save")}
        busy={save.isPending}
        error={save.error}
        onSubmit={(d) => save.mutate(d)}
        onClose={onClose}
      />
    </Modal>
  );
}

// The end is left out where nobody touched it: fields hold minutes, keys end at seconds.
function changeOf(k: ApiKey, d: Draft) {
  const before = draftOf(k).expiry;
  const touched = d.expiry.life !== before.life || d.expiry.field !== before.field;
  return {
    name: d.name.trim(),
    scopes: d.scopes,
    networks: d.networks,
    rate: d.rate ?? null,
    ...(touched ? { expires_at: endOf(d.expiry) ?? null } : {}),
  };
}
