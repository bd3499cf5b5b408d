import { Modal, Stack, Text, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { stopAllThatLeavesAClient, stopAllThatLeavesTheOrganisation } from "@/api/generated";
import { FormEnd } from "@/components/FormEnd";
import { TroubleNote } from "@/components/TroubleNote";
import { useT } from "@/lib/i18n";
import { ask, fieldTrouble } from "@/lib/trouble";

interface Props {
  /** The number to stop; without one, all of the organisation. */
  client?: { id: string; name: string };
  onClose: () => void;
}

/** Throws the kill switch, and asks why. */
export function StopDialog({ client, onClose }: Props) {
  const { t } = useT();
  const cache = useQueryClient();
  const [reason, setReason] = useState("");
  const stop = useMutation({
    mutationFn: async () => {
      const body = { reason };
      if (client) await ask(stopAllThatLeavesAClient({ path: { client: client.id }, body }));
      else await ask(stopAllThatLeavesTheOrganisation({ body }));
    },
    onSuccess: () => {
      for (const key of ["stops", "clients", "client", "health"]) void cache.invalidateQueries({ queryKey: [key] });
      onClose();
    },
  });
  return (
    <Modal opened onClose={onClose} title={t(client ? "stop.client" : "stop.org")} centered>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          stop.mutate();
        }}
      >
        <Stack>
          <Text size="sm">{client ? t("stop.client.text", { name: client.name }) : t("stop.org.text")}</Text>
          <Textarea
            label={t("stop.reason")}
            description={t("stop.reason.text")}
            value={reason}
            onChange={(e) => setReason(e.currentTarget.value.replace(/\s+/g, " "))}
            error={fieldTrouble(stop.error, "body.reason")}
            autosize
            minRows={2}
            maxLength={500}
            required
            withAsterisk={false}
            data-autofocus
          />
          <TroubleNote error={stop.error} fields={["body.reason"]} />
          <FormEnd does={t("stop.action")} busy={stop.isPending} hurts onCancel={onClose} />
        </Stack>
      </form>
    </Modal>
  );
}
