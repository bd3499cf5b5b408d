import { Button, Center, Group, Loader, Skeleton, Stack, Text } from "@mantine/core";
import { IconMessageCircle } from "@tabler/icons-react";
import { type UseInfiniteQueryResult, useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef } from "react";
import type { Chat, Message } from "@/api/generated";
import { TroubleNote } from "@/components/TroubleNote";
import { ChatRow, Hit } from "@/features/inbox/ChatRow";
import { chatsQuery, hitsQuery } from "@/features/inbox/queries";
import { type ChatFilter, everyChat, knownChat } from "@/lib/chats";
import { phone } from "@/lib/format";
import { useT } from "@/lib/i18n";
import { useNumbers } from "@/lib/numbers";

type Row = { kind: "chat"; key: string; chat: Chat } | { kind: "hit"; key: string; hit: Message } | { kind: "head"; key: string };

const rowHeight = 67;
const headHeight = 44;
const ahead = 12;

interface Props {
  filter: ChatFilter;
  open: string | undefined;
  /** Shows all chats again. */
  onReset: () => void;
}

/** The chats of a filter, and below them the messages in which a search was found. */
export function ChatList({ filter, open, onReset }: Props) {
  const { t } = useT();
  const cache = useQueryClient();
  const box = useRef<HTMLDivElement>(null);
  const chats = useInfiniteQuery(chatsQuery(filter));
  const hits = useInfiniteQuery(hitsQuery(filter.q, filter.client));
  const rows = useMemo(
    () =>
      laid(
        chats.data?.pages.flatMap((p) => p.data),
        hits.data?.pages.flatMap((p) => p.data),
      ),
    [chats.data, hits.data],
  );
  const numbers = useNumbers();
  const scroller = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    getItemKey: (i) => rows[i]?.key ?? i,
    estimateSize: (i) => (rows[i]?.kind === "head" ? headHeight : rowHeight),
    overscan: 6,
  });
  const last = scroller.range?.endIndex ?? 0;
  useGoOn(rows.length - last < ahead, chats, filter.q ? hits : undefined);
  const nothing = chats.isSuccess && rows.length === 0 && !hits.isFetching;
  return (
    <div className="scroll" ref={box} data-busy={chats.isPlaceholderData || undefined}>
      <TroubleNote error={chats.error ?? hits.error} />
      {chats.isPending && <Waiting />}
      {nothing && <Nothing filtered={filter !== everyChat && !same(filter, everyChat)} onReset={onReset} />}
      <div className="virtual" style={{ height: scroller.getTotalSize() }}>
        {scroller.getVirtualItems().map((v) => {
          const row = rows[v.index];
          return (
            <div key={v.key} className="virtual-row" style={{ height: v.size, transform: `translateY(${v.start}px)` }}>
              {row?.kind === "chat" && <ChatRow chat={row.chat} open={row.chat.id === open} number={nameOf(row.chat)} />}
              {row?.kind === "hit" && <Hit message={row.hit} name={whose(row.hit)} sought={filter.q} />}
              {row?.kind === "head" && (
                <Text size="xs" fw={600} c="dimmed" px="md" pt="md">
                  {t("inbox.hits")}
                </Text>
              )}
            </div>
          );
        })}
      </div>
      {(chats.isFetchingNextPage || hits.isFetching) && (
        <Center p="sm">
          <Loader size="sm" aria-label={t("loading")} />
        </Center>
      )}
    </div>
  );

  function nameOf(chat: Chat): string | undefined {
    return numbers.length > 1 && !filter.client ? numbers.find((c) => c.id === chat.client_id)?.name : undefined;
  }

  function whose(m: Message): string {
    const other = m.direction === "inbound" ? m.from : m.to;
    return (m.chat_id && knownChat(cache, m.chat_id)?.name) || phone(other?.phone) || other?.input || other?.lid || "";
  }
}

const same = (a: ChatFilter, b: ChatFilter) => a.q === b.q && a.client === b.client && a.unread === b.unread && a.assigned === b.assigned;

function laid(chats: Chat[] = [], hits: Message[] = []): Row[] {
  const seen = new Set<string>();
  const rows: Row[] = [];
  for (const chat of chats) {
    // A chat that moved between two pages may be on both.
    if (!seen.has(chat.id)) rows.push({ kind: "chat", key: chat.id, chat });
    seen.add(chat.id);
  }
  const readable = hits.filter((h) => h.chat_id);
  if (readable.length > 0) rows.push({ kind: "head", key: "hits" }, ...readable.map((hit): Row => ({ kind: "hit", key: hit.id, hit })));
  return rows;
}

type More = Pick<UseInfiniteQueryResult, "hasNextPage" | "isFetching" | "isFetchNextPageError" | "fetchNextPage">;

function useGoOn(wanted: boolean, chats: More, hits: More | undefined) {
  const next = [chats, hits].find((q) => q?.hasNextPage);
  const ready = wanted && next !== undefined && !next.isFetching && !next.isFetchNextPageError;
  useEffect(() => {
    if (ready) void next?.fetchNextPage();
  }, [ready, next]);
}

function Waiting() {
  return (
    <Stack px="md" aria-busy>
      {[1, 2, 3, 4, 5].map((n) => (
        <Group key={n} wrap="nowrap">
          <Skeleton circle h={42} />
          <Stack gap={8} flex={1}>
            <Skeleton h={12} w="55%" />
            <Skeleton h={10} w="80%" />
          </Stack>
        </Group>
      ))}
    </Stack>
  );
}

function Nothing({ filtered, onReset }: { filtered: boolean; onReset: () => void }) {
  const { t } = useT();
  return (
    <Stack align="center" px="lg" py="xl" gap="xs">
      <IconMessageCircle size={40} stroke={1.3} aria-hidden />
      <Text fw={600}>{t(filtered ? "inbox.none.title" : "inbox.empty.title")}</Text>
      <Text size="sm" c="dimmed" ta="center">
        {t(filtered ? "inbox.none.text" : "inbox.empty.text")}
      </Text>
      {filtered && (
        <Button variant="default" size="compact-md" onClick={onReset}>
          {t("inbox.all")}
        </Button>
      )}
    </Stack>
  );
}
