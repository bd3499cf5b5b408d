import { ActionIcon, Group, Stack, Text } from "@mantine/core";
import { IconSend2, IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { type RefObject, useEffect } from "react";
import { getAMessage, type Message } from "@/api/generated";
import { kindOf, useGist } from "@/features/inbox/kinds";
import type { Draft } from "@/lib/drafts";
import { useT } from "@/lib/i18n";
import type { Content } from "@/lib/outbox";
import { ask } from "@/lib/trouble";

interface Props {
  draft: Draft;
  /** The message that the draft answers, where it is at hand. */
  answered: Message | undefined;
  field: RefObject<HTMLTextAreaElement | null>;
  onChange: (d: Draft) => void;
  onSend: (content: Content) => void;
}

/** Writes to a chat. */
export function Composer({ draft, answered, field, onChange, onSend }: Props) {
  const { t } = useT();
  const { Writer, content } = kindOf(draft.type);
  const ready = content(draft);
  // A phone's keyboard would cover what one came to read.
  useEffect(() => {
    if (window.matchMedia("(hover: hover)").matches) field.current?.focus({ preventScroll: true });
  }, [field]);
  const noReply = () => {
    const { replyTo: _, ...rest } = draft;
    onChange(rest);
  };
  return (
    <form
      className="composer"
      onSubmit={(e) => {
        e.preventDefault();
        if (ready) onSend(ready);
      }}
    >
      {draft.replyTo && <Answering id={draft.replyTo} known={answered} onDrop={noReply} />}
      <Group gap="xs" wrap="nowrap" align="flex-end">
        <Writer draft={draft} onChange={onChange} onSend={() => ready && onSend(ready)} onEscape={noReply} focus={field} />
        <ActionIcon type="submit" size={36} radius="xl" disabled={!ready} aria-label={t("inbox.send")}>
          <IconSend2 size={19} />
        </ActionIcon>
      </Group>
    </form>
  );
}

function Answering({ id, known, onDrop }: { id: string; known: Message | undefined; onDrop: () => void }) {
  const { t } = useT();
  const gist = useGist();
  const asked = useQuery({
    queryKey: ["message", id],
    queryFn: () => ask(getAMessage({ path: { message: id } })),
    enabled: known?.id !== id,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const m = known?.id === id ? known : asked.data;
  return (
    <Group gap="xs" wrap="nowrap" mb="xs" className="answering">
      <Stack gap={0} miw={0} flex={1}>
        <Text size="xs" fw={600}>
          {t("inbox.replying")}
        </Text>
        <Text size="sm" truncate dir="auto">
          {m ? gist(m) : "…"}
        </Text>
      </Stack>
      <ActionIcon variant="subtle" color="gray" onClick={onDrop} aria-label={t("inbox.noreply")}>
        <IconX size={16} />
      </ActionIcon>
    </Group>
  );
}
