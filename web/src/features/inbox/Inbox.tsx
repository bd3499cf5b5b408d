import { Button, Center, Chip, CloseButton, Group, Select, Stack, Text, TextInput, Title } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconLock, IconMessageCircle, IconMessagePlus, IconSearch } from "@tabler/icons-react";
import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { Empty } from "@/components/Empty";
import { ChatList } from "@/features/inbox/ChatList";
import { Conversation } from "@/features/inbox/Conversation";
import "@/features/inbox/inbox.css";
import { InboxMenu } from "@/features/inbox/InboxMenu";
import { NewMessage } from "@/features/inbox/NewMessage";
import { type ChatFilter, everyChat } from "@/lib/chats";
import { useT } from "@/lib/i18n";
import { useMay, useMe } from "@/lib/me";
import { numberName, useNumbers } from "@/lib/numbers";

export function Page() {
  const { t } = useT();
  const allowed = useMay();
  if (!allowed("messages:read")) return <Empty icon={IconLock} title={t("inbox.closed.title")} text={t("inbox.closed.text")} />;
  return <Inbox />;
}

function Inbox() {
  const { t } = useT();
  const allowed = useMay();
  const { chat: open } = useParams({ strict: false }) as { chat?: string };
  const { message } = useSearch({ strict: false }) as { message?: unknown };
  const [writing, setWriting] = useState(false);
  const [filter, setFilter] = useFilter();
  const [q] = useDebouncedValue(filter.q.trim(), 250);
  const asked = useMemo(() => ({ ...filter, q }), [filter, q]);
  return (
    <div className="inbox" data-open={open ? "" : undefined}>
      <section className="inbox-list" aria-label={t("inbox.chats")}>
        <Group justify="space-between" px="md" pt="md" pb="xs">
          <Title order={1} fz={22}>
            {t("nav.inbox")}
          </Title>
          <Group gap={4} wrap="nowrap">
            {allowed("messages:send") && (
              <Button size="compact-md" variant="light" leftSection={<IconMessagePlus size={17} />} onClick={() => setWriting(true)}>
                {t("inbox.new")}
              </Button>
            )}
            <InboxMenu />
          </Group>
        </Group>
        <Filters filter={filter} onChange={setFilter} />
        <ChatList filter={asked} open={open} onReset={() => setFilter(everyChat)} />
      </section>
      <section className="inbox-talk" aria-label={t("inbox.conversation")}>
        {open ? <Conversation key={open} id={open} around={typeof message === "string" ? message : undefined} /> : <Pick />}
      </section>
      {writing && <NewMessage onClose={() => setWriting(false)} />}
    </div>
  );
}

const filterQuery = queryOptions<ChatFilter>({
  queryKey: ["inbox-filter"],
  enabled: false,
  initialData: everyChat,
  staleTime: Number.POSITIVE_INFINITY,
  gcTime: Number.POSITIVE_INFINITY,
});

// It outlives the page: the list and a chat are two addresses.
function useFilter(): [ChatFilter, (f: ChatFilter) => void] {
  const cache = useQueryClient();
  const { data } = useQuery(filterQuery);
  return [data, (f) => cache.setQueryData(filterQuery.queryKey, f)];
}

function Filters({ filter, onChange }: { filter: ChatFilter; onChange: (f: ChatFilter) => void }) {
  const { t } = useT();
  const { user } = useMe();
  const numbers = useNumbers();
  return (
    <Stack gap={8} px="md" pb="xs">
      <TextInput
        size="sm"
        type="search"
        leftSection={<IconSearch size={16} aria-hidden />}
        placeholder={t("inbox.search")}
        aria-label={t("inbox.search")}
        value={filter.q}
        onChange={(e) => onChange({ ...filter, q: e.currentTarget.value })}
        rightSection={
          filter.q && <CloseButton size="sm" aria-label={t("inbox.search.clear")} onClick={() => onChange({ ...filter, q: "" })} />
        }
      />
      <Group gap={6} wrap="wrap">
        <Chip size="xs" variant="light" checked={filter.unread} onChange={(unread) => onChange({ ...filter, unread })}>
          {t("inbox.filter.unread")}
        </Chip>
        {user && (
          <Chip
            size="xs"
            variant="light"
            checked={filter.assigned === "me"}
            onChange={(on) => onChange({ ...filter, assigned: on ? "me" : "" })}
          >
            {t("inbox.filter.mine")}
          </Chip>
        )}
        <Chip
          size="xs"
          variant="light"
          checked={filter.assigned === "none"}
          onChange={(on) => onChange({ ...filter, assigned: on ? "none" : "" })}
        >
          {t("inbox.filter.nobodys")}
        </Chip>
        {numbers.length > 1 && (
          <Select
            size="xs"
            flex={1}
            miw={130}
            aria-label={t("inbox.filter.number")}
            placeholder={t("inbox.filter.number")}
            data={numbers.map((c) => ({ value: c.id, label: numberName(c) }))}
            value={filter.client || null}
            onChange={(client) => onChange({ ...filter, client: client ?? "" })}
            searchable
            clearable
          />
        )}
      </Group>
    </Stack>
  );
}

function Pick() {
  const { t } = useT();
  return (
    <Center h="100%">
      <Stack align="center" gap="xs" c="dimmed">
        <IconMessageCircle size={48} stroke={1.2} aria-hidden />
        <Text>{t("inbox.pick")}</Text>
      </Stack>
    </Center>
  );
}
