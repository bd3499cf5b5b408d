import { Modal, Stack, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Client, createAClient } from "@/api/generated";
import { FormEnd } from "@/components/FormEnd";
import { TroubleNote } from "@/components/TroubleNote";
import { useT } from "@/lib/i18n";
import { ask, fieldTrouble } from "@/lib/trouble";

export function Create({ onClose, onCreated }: { onClose: () => void; onCreated: (c: Client) => void }) {
  const { t } = useT();
  const cache = useQueryClient();
  const [name, setName] = useState("");
  // One key per dialog: pressing twice makes one number.
  const [key] = useState(() => crypto.randomUUID());
  const create = useMutation({
    mutationFn: () => ask(createAClient({ body: { name }, headers: { "Idempotency-Key": key } })),
    onSuccess: (c) => {
      void cache.invalidateQueries({ queryKey: ["clients"] });
      onCreated(c);
    },
  });
  return (
    <Modal opened onClose={onClose} title={t("clients.add")} centered>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          create.mutate();
        }}
      >
        <Stack>
          <TextInput
            label={t("clients.name")}
            description={t("clients.name.text")}
            placeholder={t("clients.name.example")}
            value={name}
            onChange={(e) => setName(e.currentTarget.value)}
            error={fieldTrouble(create.error, "body.name")}
            data-autofocus
            required
            withAsterisk={false}
          />
          <TroubleNote error={create.error} fields={["body.name"]} />
          <FormEnd does={t("clients.create")} busy={create.isPending} onCancel={onClose} />
        </Stack>
      </form>
    </Modal>
  );
}
