import { Button, Center, Group, Loader, Stack, Text } from "@mantine/core";
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import type { Chat, Message } from "@/api/generated";
import { MessageDrawer } from "@/components/MessageDrawer";
import { TroubleNote } from "@/components/TroubleNote";
import type { Acts } from "@/features/inbox/Bubble";
import { BubbleMenu, type MenuAt } from "@/features/inbox/BubbleMenu";
import { lay } from "@/features/inbox/items";
import { useChatName } from "@/features/inbox/queries";
import { Sheet } from "@/features/inbox/Sheet";
import { useReading } from "@/features/inbox/useReading";
import { inOrder, messagesQuery, type Pages, reachNewest } from "@/lib/conversation";
import { useT } from "@/lib/i18n";
import { standing, type useOutbox } from "@/lib/outbox";
import { useStable } from "@/lib/stable";

interface Props {
  chat: Chat;
  /** The message that was looked for; the newest ones are shown if absent. */
  around: string | undefined;
  outbox: ReturnType<typeof useOutbox>;
  onReply: (m: Message) => void;
}

/** The messages of a chat, loaded as one scrolls. */
export function Talk({ chat, around, outbox, onReply }: Props) {
  const { t } = useT();
  const cache = useQueryClient();
  const navigate = useNavigate();
  const other = useChatName()(chat);
  const [story, setStory] = useState<string>();
  const [menu, setMenu] = useState<MenuAt>();
  const talk = useInfiniteQuery(messagesQuery(chat.id, around));
  const whole = reachNewest(talk.data);
  const { pending, again, drop } = outbox;
  const items = useMemo(() => {
    const messages = inOrder(talk.data);
    return lay(messages, whole ? standing(pending, messages) : [], !talk.hasNextPage);
  }, [talk.data, talk.hasNextPage, whole, pending]);
  useReading(chat, whole);
  useForget(chat.id);
  const open = (message?: string) =>
    navigate({ to: "/inbox/$chat", params: { chat: chat.id } as never, search: (message ? { message } : {}) as never, replace: true });
  const acts = useStable<Acts>({ story: (m) => setStory(m.id), menu: (message, at) => setMenu({ message, at }), jump: open, again, drop });
  // What was scrolled far away from is not kept: the newest ones are asked for anew.
  const toNewest = () => (around ? void open() : void cache.resetQueries({ queryKey: ["messages", chat.id, ""], exact: true }));
  return (
    <div className="talk">
      <TroubleNote error={talk.error} />
      {talk.error && (
        <Group justify="center" p="sm">
          <Button variant="default" size="compact-md" onClick={() => void talk.refetch()}>
            {t("again")}
          </Button>
          {around && (
            <Button variant="default" size="compact-md" onClick={toNewest}>
              {t("inbox.newest")}
            </Button>
          )}
        </Group>
      )}
      {talk.isPending && (
        <Center flex={1}>
          <Loader aria-label={t("loading")} />
        </Center>
      )}
      {talk.data && items.length === 0 && <Silence />}
      {talk.data && items.length > 0 && (
        <Sheet
          chat={chat.id}
          other={other}
          items={items}
          sought={around}
          acts={acts}
          whole={whole}
          older={talk.hasNextPage && !talk.isFetchNextPageError ? () => void (talk.isFetching || talk.fetchNextPage()) : undefined}
          newer={
            talk.hasPreviousPage && !talk.isFetchPreviousPageError ? () => void (talk.isFetching || talk.fetchPreviousPage()) : undefined
          }
          busy={talk.isFetchingNextPage ? "older" : talk.isFetchingPreviousPage ? "newer" : undefined}
          onNewest={toNewest}
          onReply={onReply}
        />
      )}
      <BubbleMenu at={menu} chat={chat} onClose={() => setMenu(undefined)} onReply={onReply} onStory={acts.story} />
      <MessageDrawer id={story} onClose={() => setStory(undefined)} />
    </div>
  );
}

/** Forgets, when one leaves, a conversation that was scrolled far up in: who comes back wants to see the newest. */
function useForget(chat: string) {
  const cache = useQueryClient();
  useEffect(() => {
    const queryKey = ["messages", chat, ""];
    return () => {
      const pages = cache.getQueryData<Pages>(queryKey);
      if (pages && !reachNewest(pages)) cache.removeQueries({ queryKey, exact: true });
    };
  }, [cache, chat]);
}

function Silence() {
  const { t } = useT();
  return (
    <Center flex={1} p="lg">
      <Stack gap={4} align="center">
        <Text fw={600}>{t("inbox.silence.title")}</Text>
        <Text size="sm" c="dimmed" ta="center">
          {t("inbox.silence.text")}
        </Text>
      </Stack>
    </Center>
  );
}
