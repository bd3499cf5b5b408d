import { Menu } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconArrowBackUp, IconCopy, IconLink, IconRefresh, IconRoute, IconX } from "@tabler/icons-react";
import type { Chat, Message } from "@/api/generated";
import { complain } from "@/components/TroubleNote";
import { canCancel, canRetry, useFate } from "@/lib/fate";
import { useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";

export interface MenuAt {
  message: Message;
  at: HTMLElement;
}

interface Props {
  at: MenuAt | undefined;
  chat: Chat;
  onClose: () => void;
  onReply: (m: Message) => void;
  onStory: (m: Message) => void;
}

/** What can be done with one message; one menu for all bubbles, at the one that asked for it. */
export function BubbleMenu({ at, chat, onClose, onReply, onStory }: Props) {
  const { t } = useT();
  const allowed = useMay();
  const { cancel, retry } = useFate();
  if (!at) return null;
  const m = at.message;
  const { left, bottom } = at.at.getBoundingClientRect();
  const copy = (text: string) =>
    navigator.clipboard.writeText(text).then(
      () => notifications.show({ message: t("copied") }),
      () => undefined, // the browser said no, and told the person
    );
  return (
    <Menu opened onChange={(open) => open || onClose()} position="bottom-end" width={230} returnFocus trapFocus>
      <Menu.Target>
        <span className="menu-anchor" style={{ left, top: bottom }} />
      </Menu.Target>
      <Menu.Dropdown>
        {allowed("messages:send") && (
          <Menu.Item leftSection={<IconArrowBackUp size={16} />} onClick={() => onReply(m)}>
            {t("inbox.reply")}
          </Menu.Item>
        )}
        {m.text && (
          <Menu.Item leftSection={<IconCopy size={16} />} onClick={() => void copy(m.text?.body ?? "")}>
            {t("inbox.copy")}
          </Menu.Item>
        )}
        <Menu.Item
          leftSection={<IconLink size={16} />}
          onClick={() => void copy(`${window.location.origin}/inbox/${chat.id}?message=${m.id}`)}
        >
          {t("inbox.copylink")}
        </Menu.Item>
        <Menu.Item leftSection={<IconRoute size={16} />} onClick={() => onStory(m)}>
          {t("story.title")}
        </Menu.Item>
        {allowed("messages:write") && canCancel(m) && (
          <Menu.Item leftSection={<IconX size={16} />} onClick={() => cancel.mutate(m.id, { onError: complain })}>
            {t("story.cancel")}
          </Menu.Item>
        )}
        {allowed("messages:write") && canRetry(m) && (
          <Menu.Item leftSection={<IconRefresh size={16} />} onClick={() => retry.mutate(m.id, { onError: complain })}>
            {t("story.retry")}
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
