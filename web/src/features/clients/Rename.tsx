import { Modal, Stack, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Client, changeAClient } from "@/api/generated";
import { FormEnd } from "@/components/FormEnd";
import { TroubleNote } from "@/components/TroubleNote";
import { useT } from "@/lib/i18n";
import { ask, fieldTrouble } from "@/lib/trouble";

export function Rename({ client: c, onClose }: { client: Client; onClose: () => void }) {
  const { t } = useT();
  const cache = useQueryClient();
  const [name, setName] = useState(c.name);
  const rename = useMutation({
    mutationFn: () => ask(changeAClient({ path: { client: c.id }, body: { name } })),
    onSuccess: (changed) => {
      cache.setQueryData(["client", c.id], changed);
      for (const key of ["clients", "numbers"]) void cache.invalidateQueries({ queryKey: [key] });
      onClose();
    },
  });
  return (
    <Modal opened onClose={onClose} title={t("client.rename")} centered>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          rename.mutate();
        }}
      >
        <Stack>
          <TextInput
            label={t("clients.name")}
            description={t("clients.name.text")}
            value={name}
            onChange={(e) => setName(e.currentTarget.value)}
            error={fieldTrouble(rename.error, "body.name")}
            data-autofocus
            required
            withAsterisk={false}
          />
          <TroubleNote error={rename.error} fields={["body.name"]} />
          <FormEnd does={t("save")} busy={rename.isPending} disabled={name.trim() === c.name} onCancel={onClose} />
        </Stack>
      </form>
    </Modal>
  );
}
