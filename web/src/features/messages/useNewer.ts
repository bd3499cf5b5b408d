import { useCallback, useEffect, useRef, useState } from "react";
import type { Message } from "@/api/generated";
import { type Filters, fits } from "@/features/messages/filters";
import { useHeard } from "@/lib/live";

const told = 500; // milliseconds: hundreds may come in a second

/** How many messages of the filters came in since the newest page was asked for: they are counted, not pushed under the pointer. */
export function useNewer(filters: Filters, newest: boolean): { count: number; seen: () => void } {
  const ids = useRef(new Set<string>());
  const [count, setCount] = useState(0);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const seen = useCallback(() => {
    clearTimeout(timer.current);
    timer.current = undefined;
    ids.current.clear();
    setCount(0);
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: other filters count anew
  useEffect(() => seen, [seen, filters]);
  const hear = useCallback(
    (m: Message, type: string) => {
      const isNew = ["message.received", "message.queued", "message.scheduled"].includes(type);
      if (!newest || !isNew || fits(m, filters) === false || ids.current.has(m.id)) return;
      ids.current.add(m.id);
      timer.current ??= setTimeout(() => {
        timer.current = undefined;
        setCount(ids.current.size);
      }, told);
    },
    [filters, newest],
  );
  useHeard(hear);
  return { count, seen };
}
