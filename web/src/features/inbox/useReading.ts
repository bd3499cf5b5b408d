import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useSyncExternalStore } from "react";
import { type Chat, markAChatRead } from "@/api/generated";
import { putChat } from "@/lib/chats";
import { useMay } from "@/lib/me";
import { ask } from "@/lib/trouble";

/** Marks a chat read while its newest messages are in front of somebody. */
export function useReading(chat: Chat, shown: boolean): void {
  const cache = useQueryClient();
  const allowed = useMay()("chats:write");
  const visible = useVisible();
  // Asked once for each state of the chat: what the API refuses it refuses again.
  const asked = useRef("");
  const state = `${chat.unread} ${chat.last_message_at ?? ""}`;
  useEffect(() => {
    if (!allowed || !shown || !visible || chat.unread === 0 || asked.current === state) return;
    asked.current = state;
    putChat(cache, { ...chat, unread: 0 });
    ask(markAChatRead({ path: { chat: chat.id } })).then(
      (fresh) => putChat(cache, fresh),
      () => void cache.invalidateQueries({ queryKey: ["chat", chat.id] }),
    );
  }, [cache, allowed, shown, visible, chat, state]);
}

function useVisible(): boolean {
  return useSyncExternalStore(
    (tell) => {
      document.addEventListener("visibilitychange", tell);
      return () => document.removeEventListener("visibilitychange", tell);
    },
    () => document.visibilityState === "visible",
  );
}
