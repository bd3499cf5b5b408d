import { ActionIcon, Button, Menu, Select } from "@mantine/core";
import { IconDots, IconEyeOff, IconList, IconUserCheck, IconUserX } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { assignAChatToAPerson, type Chat, markAChatUnread } from "@/api/generated";
import { complain } from "@/components/TroubleNote";
import { Erase } from "@/features/inbox/Erase";
import { peopleQuery } from "@/features/inbox/queries";
import { putChat } from "@/lib/chats";
import { type Key, useT } from "@/lib/i18n";
import { useMay, useMe } from "@/lib/me";
import { ask } from "@/lib/trouble";

/** Who looks after a chat, and what else can be done with it. */
export function ChatMenu({ chat }: { chat: Chat }) {
  const { t } = useT();
  const allowed = useMay();
  const cache = useQueryClient();
  const navigate = useNavigate();
  const [erasing, setErasing] = useState(false);
  const person = chat.kind === "direct" ? chat.contact_id : undefined;
  const unread = useMutation({
    mutationFn: () => ask(markAChatUnread({ path: { chat: chat.id } })),
    onSuccess: (fresh) => putChat(cache, fresh),
    onError: complain,
  });
  // Left first: an open chat counts as read.
  const leaveUnread = () => void navigate({ to: "/inbox" }).then(() => unread.mutate());
  return (
    <>
      {allowed("chats:write") && (allowed("users:read") ? <Assign chat={chat} /> : <Take chat={chat} />)}
      <Menu position="bottom-end" width={240}>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t("inbox.chatmenu")}>
            <IconDots size={20} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {allowed("chats:write") && allowed("users:read") && <TakeItem chat={chat} />}
          {allowed("chats:write") && (
            <Menu.Item leftSection={<IconEyeOff size={16} />} onClick={leaveUnread}>
              {t("inbox.markunread")}
            </Menu.Item>
          )}
          {chat.contact_id && (
            <Menu.Item component={Link} to="/messages" search={{ contact: chat.contact_id } as never} leftSection={<IconList size={16} />}>
              {t("inbox.astable")}
            </Menu.Item>
          )}
          {person && allowed("contacts:erase") && (
            <>
              <Menu.Divider />
              <Menu.Item color="red" leftSection={<IconUserX size={16} />} onClick={() => setErasing(true)}>
                {t("inbox.erase")}
              </Menu.Item>
            </>
          )}
        </Menu.Dropdown>
      </Menu>
      {person && erasing && <Erase chat={chat} person={person} onClose={() => setErasing(false)} />}
    </>
  );
}

function useAssign(chat: Chat) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (user: string | null) => ask(assignAChatToAPerson({ path: { chat: chat.id }, body: { user } })),
    onSuccess: (fresh) => {
      putChat(cache, fresh);
      // Which chats are whose has changed: the lists by that are asked for anew.
      void cache.invalidateQueries({ queryKey: ["chats"], refetchType: "none" });
    },
    onError: complain,
  });
}

function Assign({ chat }: { chat: Chat }) {
  const { t } = useT();
  const me = useMe().user?.id;
  const people = useQuery(peopleQuery).data ?? [];
  const assign = useAssign(chat);
  return (
    <Select
      size="xs"
      w={170}
      visibleFrom="xs"
      aria-label={t("inbox.assigned")}
      placeholder={t("inbox.assigned.none")}
      leftSection={<IconUserCheck size={15} aria-hidden />}
      data={people.map((u) => ({ value: u.id, label: u.id === me ? t("inbox.assigned.me") : u.name || u.email }))}
      value={chat.assigned_to ?? null}
      onChange={(user) => assign.mutate(user)}
      disabled={assign.isPending}
      searchable
      clearable
      clearButtonProps={{ "aria-label": t("inbox.assigned.free") }}
      nothingFoundMessage={t("inbox.assigned.nobody")}
    />
  );
}

// What can be done about a chat without knowing the team: take it, or give it back.
function useTake(chat: Chat) {
  const me = useMe().user?.id ?? null;
  const assign = useAssign(chat);
  const mine = chat.assigned_to !== undefined && chat.assigned_to === me;
  const label: Key = mine ? "inbox.giveback" : chat.assigned_to ? "inbox.takeover" : "inbox.take";
  return { label, busy: assign.isPending, act: () => assign.mutate(mine ? null : me) };
}

function Take({ chat }: { chat: Chat }) {
  const { t } = useT();
  const { label, busy, act } = useTake(chat);
  return (
    <Button size="compact-sm" variant="default" loading={busy} onClick={act}>
      {t(label)}
    </Button>
  );
}

// A phone has no room for the choice of people.
function TakeItem({ chat }: { chat: Chat }) {
  const { t } = useT();
  const { label, act } = useTake(chat);
  return (
    <Menu.Item hiddenFrom="xs" leftSection={<IconUserCheck size={16} />} onClick={act}>
      {t(label)}
    </Menu.Item>
  );
}
