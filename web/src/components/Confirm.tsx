import { Modal, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { FormEnd } from "@/components/FormEnd";
import { TroubleNote } from "@/components/TroubleNote";
import { useT } from "@/lib/i18n";

interface Props {
  title: string;
  text: string;
  action: string;
  /** What must be typed before; for what cannot be undone. */
  type?: string;
  busy: boolean;
  error: unknown;
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks before something that hurts. */
export function Confirm({ title, text, action, type, busy, error, onConfirm, onClose }: Props) {
  const { t } = useT();
  const [typed, setTyped] = useState("");
  return (
    <Modal opened onClose={onClose} title={title} centered>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          onConfirm();
        }}
      >
        <Stack>
          <Text size="sm">{text}</Text>
          {type && (
            <TextInput
              label={t("confirm.type", { what: type })}
              value={typed}
              onChange={(e) => setTyped(e.currentTarget.value)}
              data-autofocus
            />
          )}
          <TroubleNote error={error} />
          <FormEnd does={action} busy={busy} disabled={type !== undefined && !isTyped(typed, type)} hurts onCancel={onClose} />
        </Stack>
      </form>
    </Modal>
  );
}

/** Whether somebody typed what they were asked to; a phone number however it is grouped. */
export function isTyped(typed: string, wanted: string): boolean {
  const digits = (s: string) => s.replace(/[\s().+-]/g, "");
  return typed.trim() === wanted || (/^\+\d+$/.test(wanted) && digits(typed) === digits(wanted));
}
