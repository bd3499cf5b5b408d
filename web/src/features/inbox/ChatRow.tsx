import { Badge, Group, Stack, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { memo } from "react";
import type { Chat, Message } from "@/api/generated";
import { Avatar } from "@/components/Avatar";
import { Ticks } from "@/components/Ticks";
import { useGist } from "@/features/inbox/kinds";
import { useChatName } from "@/features/inbox/queries";
import { moment } from "@/lib/format";
import { useT } from "@/lib/i18n";

interface Props {
  chat: Chat;
  open: boolean;
  /** The name of the chat's number, where there are several. */
  number: string | undefined;
}

export const ChatRow = memo(function ChatRow({ chat, open, number }: Props) {
  const { t, word, language } = useT();
  const name = useChatName()(chat);
  const last = chat.last_message;
  const said = last && (last.preview || word("kind", last.type));
  return (
    <Link to="/inbox/$chat" params={{ chat: chat.id } as never} className="chat-row" aria-current={open ? "page" : undefined}>
      <Avatar name={name} size={42} />
      <Stack gap={2} miw={0} flex={1}>
        <Group justify="space-between" wrap="nowrap" gap="xs">
          <Text fw={chat.unread ? 700 : 550} truncate>
            <bdi>{name}</bdi>
          </Text>
          <Text size="xs" c={chat.unread ? "var(--mantine-color-jade-text)" : "dimmed"} className="still">
            {moment(chat.last_message_at ?? chat.created_at, language)}
          </Text>
        </Group>
        <Group justify="space-between" wrap="nowrap" gap="xs">
          <Group gap={4} wrap="nowrap" miw={0}>
            {last?.direction === "outbound" && <Ticks status={last.status} />}
            <Text size="sm" c="dimmed" truncate>
              <bdi>{said || "\u00a0"}</bdi>
            </Text>
          </Group>
          <Group gap={6} wrap="nowrap" className="still">
            {number && (
              <Text size="xs" c="dimmed" maw={90} truncate>
                <bdi>{number}</bdi>
              </Text>
            )}
            {chat.unread > 0 && (
              <Badge size="md" circle={chat.unread < 10} aria-label={t("inbox.unread", { count: chat.unread })}>
                {chat.unread > 99 ? "99+" : chat.unread}
              </Badge>
            )}
          </Group>
        </Group>
      </Stack>
    </Link>
  );
});

/** A message in which was said what was looked for. */
export const Hit = memo(function Hit({ message: m, name, sought }: { message: Message; name: string; sought: string }) {
  const { language } = useT();
  const gist = useGist();
  return (
    <Link
      to="/inbox/$chat"
      params={{ chat: m.chat_id ?? "" } as never}
      search={{ message: m.id } as never}
      className="chat-row"
      activeOptions={{ includeSearch: true }}
    >
      <Stack gap={2} miw={0} flex={1}>
        <Group justify="space-between" wrap="nowrap" gap="xs">
          <Text size="sm" fw={550} truncate>
            <bdi>{name}</bdi>
          </Text>
          <Text size="xs" c="dimmed" className="still">
            {moment(m.created_at, language)}
          </Text>
        </Group>
        <Text size="sm" c="dimmed" lineClamp={1} dir="auto">
          {nearby(gist(m), sought)}
        </Text>
      </Stack>
    </Link>
  );
});

const before = 24;

/** The part of a text in which something was found. */
export function nearby(text: string, sought: string): string {
  const at = text.toLocaleLowerCase().indexOf(sought.toLocaleLowerCase().split(/\s+/)[0] ?? "");
  return at > before * 2 ? `…${[...text.slice(at - before)].slice(1).join("")}` : text;
}
