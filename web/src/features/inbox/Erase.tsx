import { Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type Chat, type Erasure, eraseAContact } from "@/api/generated";
import { Confirm } from "@/components/Confirm";
import { useChatName } from "@/features/inbox/queries";
import { dropContact } from "@/lib/chats";
import { useT } from "@/lib/i18n";
import { ask } from "@/lib/trouble";

interface Props {
  chat: Chat;
  /** The id of the contact. */
  person: string;
  onClose: () => void;
}

/** Asks before a person is erased, and shows the receipt afterwards. */
export function Erase({ chat, person, onClose }: Props) {
  const { t } = useT();
  const cache = useQueryClient();
  const navigate = useNavigate();
  const name = useChatName()(chat);
  const erase = useMutation({
    mutationFn: () => ask(eraseAContact({ path: { contact: person } })),
    onSuccess: async (receipt) => {
      // The receipt stays: it says what an erased person may ask for, and is found again by its number.
      notifications.show({ color: "jade", autoClose: false, title: t("inbox.erased"), message: <Receipt of={receipt} /> });
      onClose();
      await navigate({ to: "/inbox" });
      dropContact(cache, person);
    },
  });
  return (
    <Confirm
      title={t("inbox.erase")}
      text={t("inbox.erase.text", { name })}
      action={t("inbox.erase.do")}
      type={chat.phone || name}
      busy={erase.isPending}
      error={erase.error}
      onConfirm={() => erase.mutate()}
      onClose={onClose}
    />
  );
}

function Receipt({ of: r }: { of: Erasure }) {
  const { t } = useT();
  return (
    <Stack gap={2}>
      <Text size="sm" c="var(--mantine-color-text)">
        {t(r.status === "done" ? "inbox.erased.text" : "inbox.erased.goeson", { messages: r.removed.messages, chats: r.removed.chats })}
      </Text>
      <Text size="sm" c="var(--mantine-color-text)">
        {t("inbox.erased.receipt")} <code>{r.id}</code>
      </Text>
    </Stack>
  );
}
