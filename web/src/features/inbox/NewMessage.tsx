import { Alert, Modal, Select, Stack, Textarea, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { sendAMessage } from "@/api/generated";
import { FormEnd } from "@/components/FormEnd";
import { TroubleNote } from "@/components/TroubleNote";
import { useT } from "@/lib/i18n";
import { numberName, useNumbers } from "@/lib/numbers";
import { newRef } from "@/lib/outbox";
import { ask, fieldTrouble } from "@/lib/trouble";

/** Writes to somebody there is no chat with yet. */
export function NewMessage({ onClose }: { onClose: () => void }) {
  const { t } = useT();
  const clients = useNumbers();
  const cache = useQueryClient();
  const navigate = useNavigate();
  const [picked, setPicked] = useState<string>();
  const [to, setTo] = useState("");
  const [body, setBody] = useState("");
  const [key, setKey] = useState(() => newRef());
  const client = picked ?? (clients.find((c) => c.status === "connected") ?? clients[0])?.id ?? "";
  const send = useMutation({
    mutationFn: () =>
      ask(
        sendAMessage({ path: { client }, headers: { "Idempotency-Key": key }, body: { to, type: "text", text: { body }, lane: "urgent" } }),
      ),
    onSuccess: (m) => {
      void cache.invalidateQueries({ queryKey: ["chats"] });
      onClose();
      if ("chat_id" in m && m.chat_id) void navigate({ to: "/inbox/$chat", params: { chat: m.chat_id } as never });
      else notifications.show({ message: t("inbox.queued") });
    },
    onError: () => setKey(newRef()), // what is mended is another request
  });
  return (
    <Modal opened onClose={onClose} title={t("inbox.new")} centered>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          send.mutate();
        }}
      >
        <Stack>
          {clients.length === 0 && <Alert color="orange">{t("inbox.noclient")}</Alert>}
          <Select
            label={t("inbox.from")}
            data={clients.map((c) => ({ value: c.id, label: numberName(c) }))}
            value={client}
            onChange={(v) => setPicked(v ?? undefined)}
            allowDeselect={false}
          />
          <TextInput
            label={t("inbox.to")}
            type="tel"
            placeholder="+55 11 98765 4321"
            value={to}
            onChange={(e) => setTo(e.currentTarget.value)}
            error={fieldTrouble(send.error, "body.to")}
            data-autofocus
            required
            withAsterisk={false}
          />
          <Textarea
            label={t("inbox.text")}
            autosize
            minRows={3}
            maxRows={10}
            value={body}
            onChange={(e) => setBody(e.currentTarget.value)}
            error={fieldTrouble(send.error, "body.text.body")}
            required
            withAsterisk={false}
          />
          <TroubleNote error={send.error} fields={["body.to", "body.text.body"]} />
          <FormEnd does={t("inbox.send")} busy={send.isPending} disabled={!client} onCancel={onClose} />
        </Stack>
      </form>
    </Modal>
  );
}
