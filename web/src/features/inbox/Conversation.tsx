import { ActionIcon, Group, Skeleton, Stack, Text } from "@mantine/core";
import { IconArrowLeft } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useCallback, useRef, useState } from "react";
import type { Chat, Message } from "@/api/generated";
import { Avatar } from "@/components/Avatar";
import { ClientState } from "@/components/ClientState";
import { TroubleNote } from "@/components/TroubleNote";
import { ChatMenu } from "@/features/inbox/ChatMenu";
import { Composer } from "@/features/inbox/Composer";
import { chatQuery, useChatName } from "@/features/inbox/queries";
import { Talk } from "@/features/inbox/Talk";
import { knownChat } from "@/lib/chats";
import { type Pages, reachNewest } from "@/lib/conversation";
import { type Draft, keepDraft, readDraft } from "@/lib/drafts";
import { phone } from "@/lib/format";
import { useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";
import { useNumbers } from "@/lib/numbers";
import { type Content, useOutbox } from "@/lib/outbox";

/** One chat: whom it is with, what was said, and where to write. */
export function Conversation({ id, around }: { id: string; around: string | undefined }) {
  const cache = useQueryClient();
  const asked = useQuery({ ...chatQuery(id), placeholderData: () => knownChat(cache, id) });
  const chat = asked.data;
  return (
    <>
      <Head chat={chat} />
      <TroubleNote error={asked.error} />
      {chat && <Talking chat={chat} around={around} />}
    </>
  );
}

function Talking({ chat, around }: { chat: Chat; around: string | undefined }) {
  const cache = useQueryClient();
  const navigate = useNavigate();
  const sends = useMay()("messages:send");
  const outbox = useOutbox(chat);
  const [draft, setDraft] = useState(() => readDraft(chat.id));
  const [answered, setAnswered] = useState<Message>();
  const field = useRef<HTMLTextAreaElement>(null);
  const write = (d: Draft) => {
    setDraft(d);
    keepDraft(chat.id, d);
  };
  const reply = (m: Message) => {
    setAnswered(m);
    write({ ...draft, replyTo: m.id });
    requestAnimationFrame(() => field.current?.focus());
  };
  const send = (content: Content) => {
    outbox.send(content, draft.replyTo);
    write({ type: draft.type, body: "" });
    // What was written is shown where it stands: at the newest end.
    if (around) void navigate({ to: "/inbox/$chat", params: { chat: chat.id } as never, search: {} as never });
    const newest = ["messages", chat.id, ""];
    const pages = cache.getQueryData<Pages>(newest);
    if (pages && !reachNewest(pages)) void cache.resetQueries({ queryKey: newest, exact: true });
  };
  const latest = useRef(reply);
  latest.current = reply;
  const onReply = useCallback((m: Message) => latest.current(m), []);
  return (
    <>
      <Talk key={around ?? ""} chat={chat} around={around} outbox={outbox} onReply={onReply} />
      {sends && <Composer field={field} draft={draft} answered={answered} onChange={write} onSend={send} />}
    </>
  );
}

function Head({ chat }: { chat: Chat | undefined }) {
  const { t } = useT();
  const name = useChatName()(chat);
  const client = useNumbers().find((c) => c.id === chat?.client_id);
  const number = chat?.phone && chat.name !== chat.phone ? phone(chat.phone) : "";
  return (
    <Group className="talk-head" px="md" py="xs" wrap="nowrap">
      <ActionIcon component={Link} to="/inbox" variant="subtle" color="gray" hiddenFrom="sm" size="lg" aria-label={t("back")}>
        <IconArrowLeft size={20} />
      </ActionIcon>
      <Avatar name={name} size={38} />
      <Stack gap={0} miw={0} flex={1}>
        {chat ? (
          <Text component="h2" fw={650} truncate>
            <bdi>{name}</bdi>
          </Text>
        ) : (
          <Skeleton h={16} w={160} />
        )}
        <Group gap={8} wrap="nowrap">
          <Text size="xs" c="dimmed" truncate>
            <bdi>{[number, client && t("inbox.via", { client: client.name })].filter(Boolean).join(" · ")}</bdi>
          </Text>
          {client && client.status !== "connected" && <ClientState client={client} size="sm" />}
        </Group>
      </Stack>
      {chat && <ChatMenu chat={chat} />}
    </Group>
  );
}
