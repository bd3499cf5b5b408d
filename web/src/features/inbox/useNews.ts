import { useCallback, useEffect, useRef, useState } from "react";
import type { Message } from "@/api/generated";
import { preview } from "@/lib/chats";
import { useHeard } from "@/lib/live";

/** How many messages came in since the newest end was last in sight, and the words of the last one. */
export function useNews(chat: string, inSight: boolean): { count: number; words: string } {
  const [news, setNews] = useState({ count: 0, words: "" });
  const seen = useRef(inSight);
  useEffect(() => {
    seen.current = inSight;
    if (inSight) setNews((n) => ({ ...n, count: 0 }));
  }, [inSight]);
  const hear = useCallback(
    (m: Message, type: string) => {
      if (m.chat_id !== chat || type !== "message.received") return;
      setNews((n) => ({ count: seen.current ? 0 : n.count + 1, words: preview(m) }));
    },
    [chat],
  );
  useHeard(hear);
  return news;
}
