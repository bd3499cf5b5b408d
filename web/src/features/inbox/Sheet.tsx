import { ActionIcon, Indicator, Loader, Text, VisuallyHidden } from "@mantine/core";
import { IconArrowDown } from "@tabler/icons-react";
import { type Range, useVirtualizer, type Virtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { Message } from "@/api/generated";
import { type Acts, Bubble, PendingBubble } from "@/features/inbox/Bubble";
import { guess, type Item, neighbour, withFocused } from "@/features/inbox/items";
import { useNews } from "@/features/inbox/useNews";
import { dayName, sameDay } from "@/lib/format";
import { useT } from "@/lib/i18n";
import { useStable } from "@/lib/stable";

// Rows from an end at which the next page is asked for, and pixels that still count as the end.
const ahead = 15;
const near = 120;

type Scroller = Virtualizer<HTMLElement, Element>;

interface Props {
  chat: string;
  /** What the other side is called. */
  other: string;
  items: Item[];
  sought: string | undefined;
  acts: Acts;
  /** The items reach up to the newest message. */
  whole: boolean;
  older: (() => void) | undefined;
  newer: (() => void) | undefined;
  busy: "older" | "newer" | undefined;
  onNewest: () => void;
  onReply: (m: Message) => void;
}

/** The rows of a conversation; only those in sight are in the page. */
export function Sheet({ chat, other, items, sought, acts, whole, older, newer, busy, onNewest, onReply }: Props) {
  const { t } = useT();
  const box = useRef<HTMLElement>(null);
  const [flash, setFlash] = useState(sought);
  const [focused, setFocused] = useState<string>();
  const [atEnd, setAtEnd] = useState(!sought);
  const focusedRow = focused === undefined ? -1 : items.findIndex((i) => i.key === focused);
  const scroller = useScroller(box, items, whole, focusedRow);
  const settled = useFirstPlace(scroller, items, sought);
  useMore(scroller, items.length, settled, older, newer);
  useFollowOwn(scroller, items);
  const news = useNews(chat, atEnd && whole);
  const tabRow = focusedRow >= 0 ? focusedRow : neighbour(items, items.length, -1);
  const own = useStable<Acts>({
    ...acts,
    jump: (id) => {
      const at = items.findIndex((i) => i.kind === "message" && i.message.id === id);
      if (at < 0) return acts.jump(id);
      setFlash(id);
      scroller.scrollToIndex(at, { align: "center" });
    },
  });
  const keys = useKeys(items, focusedRow, scroller, setFocused, own, onReply);
  return (
    <>
      <section
        className="scroll talk-box"
        ref={box}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by the keyboard
        tabIndex={0}
        aria-label={t("inbox.messages")}
        onScroll={(e) => setAtEnd(distance(e.currentTarget) < near)}
        onKeyDown={keys}
        onFocus={(e) => setFocused(rowOf(e.target, items) ?? focused)}
      >
        <div className="talk-sheet" style={{ height: scroller.getTotalSize() }}>
          {busy === "older" && <Loader size="sm" className="talk-older" aria-label={t("loading")} />}
          {scroller.getVirtualItems().map((row) => {
            const item = items[row.index];
            return (
              <div
                key={row.key}
                className="talk-row"
                data-index={row.index}
                ref={scroller.measureElement}
                style={{ transform: `translateY(${row.start}px)` }}
              >
                {item && <Row item={item} acts={own} active={row.index === tabRow} sought={flash} other={other} />}
              </div>
            );
          })}
          {busy === "newer" && <Loader size="sm" className="talk-newer" aria-label={t("loading")} />}
        </div>
      </section>
      <TopDay items={items} scroller={scroller} />
      {!(atEnd && whole) && (
        <Indicator className="to-newest" label={news.count} disabled={news.count === 0} size={20} color="jade" offset={4}>
          <ActionIcon
            size={40}
            radius="xl"
            variant="default"
            aria-label={news.count ? t("inbox.newest.count", { count: news.count }) : t("inbox.newest")}
            onClick={() => (whole ? scroller.scrollToEnd() : onNewest())}
          >
            <IconArrowDown size={20} />
          </ActionIcon>
        </Indicator>
      )}
      <VisuallyHidden role="log">{news.words && <p dir="auto">{news.words}</p>}</VisuallyHidden>
    </>
  );
}

interface RowProps {
  item: Item;
  acts: Acts;
  active: boolean;
  sought: string | undefined;
  other: string;
}

function Row({ item, acts, active, sought, other }: RowProps) {
  if (item.kind === "day") return <Day at={item.at} />;
  if (item.kind === "pending") return <PendingBubble pending={item.pending} acts={acts} other={other} />;
  return <Bubble message={item.message} acts={acts} active={active} sought={item.message.id === sought} other={other} />;
}

const day = 86_400_000;

function useDayName(): (at: string) => string {
  const { t, language } = useT();
  return (at) => {
    const date = new Date(at);
    const now = new Date();
    if (sameDay(date, now)) return t("inbox.today");
    if (sameDay(date, new Date(now.getTime() - day))) return t("inbox.yesterday");
    return dayName(at, language) + (date.getFullYear() === now.getFullYear() ? "" : ` ${date.getFullYear()}`);
  };
}

function Day({ at }: { at: string }) {
  const name = useDayName();
  return (
    <Text size="xs" c="dimmed" ta="center" py={8}>
      {name(at)}
    </Text>
  );
}

/** The day of what is topmost in sight, while its own line is above that. */
function TopDay({ items, scroller }: { items: Item[]; scroller: Scroller }) {
  const name = useDayName();
  const top = items[scroller.range?.startIndex ?? 0];
  const overflows = scroller.getTotalSize() > (scroller.scrollRect?.height ?? 0);
  if (!overflows || top?.kind !== "message") return null;
  return (
    <span className="top-day" aria-hidden>
      {name(top.message.created_at)}
    </span>
  );
}

const distance = (el: HTMLElement) => el.scrollHeight - el.scrollTop - el.clientHeight;

function useScroller(box: React.RefObject<HTMLElement | null>, items: Item[], whole: boolean, focusedRow: number): Scroller {
  // Pages that come in below are not new messages: only at the newest end one follows.
  const wasWhole = useRef(false);
  useEffect(() => {
    wasWhole.current = whole;
  }, [whole]);
  return useVirtualizer<HTMLElement, Element>({
    count: items.length,
    getScrollElement: () => box.current,
    getItemKey: useCallback((i: number) => items[i]?.key ?? i, [items]),
    estimateSize: useCallback((i: number) => guess(items[i]), [items]),
    rangeExtractor: useCallback((range: Range) => withFocused(range, focusedRow), [focusedRow]),
    overscan: 8,
    paddingStart: 40,
    paddingEnd: 16,
    anchorTo: "end",
    followOnAppend: whole && wasWhole.current,
    scrollEndThreshold: near,
    useFlushSync: false,
  });
}

/** Shows the newest message first, or the one that was looked for; true once it stands. */
function useFirstPlace(scroller: Scroller, items: Item[], sought: string | undefined): boolean {
  const [settled, setSettled] = useState(false);
  const first = useRef(items);
  useLayoutEffect(() => {
    const at = sought ? first.current.findIndex((i) => i.kind === "message" && i.message.id === sought) : -1;
    if (at >= 0) scroller.scrollToIndex(at, { align: "center" });
    else scroller.scrollToEnd();
    let frame = requestAnimationFrame(() => {
      frame = requestAnimationFrame(() => setSettled(true));
    });
    return () => cancelAnimationFrame(frame);
  }, [scroller, sought]);
  return settled;
}

/** Asks for more before one gets there. */
function useMore(scroller: Scroller, count: number, settled: boolean, older?: () => void, newer?: () => void) {
  const range = scroller.calculateRange();
  const top = range !== null && range.startIndex < ahead;
  const bottom = range !== null && range.endIndex > count - ahead;
  // biome-ignore lint/correctness/useExhaustiveDependencies: asks again after every page that came in
  useEffect(() => {
    if (!settled) return;
    if (top) older?.();
    else if (bottom) newer?.();
  }, [settled, top, bottom, count, older !== undefined, newer !== undefined]);
}

/** Goes to what was just written here, from wherever one is. */
function useFollowOwn(scroller: Scroller, items: Item[]) {
  const last = items.at(-1);
  const written = last?.kind === "pending" && last.pending.error === undefined ? last.key : "";
  const before = useRef(written);
  useLayoutEffect(() => {
    if (written && written !== before.current) scroller.scrollToEnd();
    before.current = written;
  }, [scroller, written]);
}

function rowOf(target: EventTarget, items: Item[]): string | undefined {
  const id = target instanceof Element ? target.closest<HTMLElement>("[data-message]")?.dataset.message : undefined;
  return id && items.find((i) => i.kind === "message" && i.message.id === id)?.key;
}

/** The arrow keys move among the messages, R answers, Enter tells what became of one. */
function useKeys(
  items: Item[],
  row: number,
  scroller: Scroller,
  focus: (key: string | undefined) => void,
  acts: Acts,
  onReply: (m: Message) => void,
) {
  return (e: KeyboardEvent<HTMLElement>) => {
    const bubble = e.target;
    const item = items[row];
    if (!(bubble instanceof HTMLElement) || !bubble.dataset.message || item?.kind !== "message" || e.ctrlKey || e.metaKey || e.altKey)
      return;
    const step = { ArrowUp: -1, ArrowDown: 1 }[e.key] as 1 | -1 | undefined;
    if (step) {
      e.preventDefault();
      const to = neighbour(items, row, step);
      focus(items[to]?.key);
      scroller.scrollToIndex(to, { align: "auto" });
      requestAnimationFrame(() => focusRow(scroller, to));
    } else if (e.key === "r" || e.key === "R") {
      e.preventDefault();
      onReply(item.message);
    } else if (e.key === "Enter") {
      e.preventDefault();
      const button = bubble.querySelector<HTMLElement>(".bubble-menu");
      if (button) acts.menu(item.message, button);
    }
  };
}

function focusRow(scroller: Scroller, row: number) {
  const el = scroller.scrollElement?.querySelector<HTMLElement>(`[data-index="${row}"] [data-message]`);
  el?.focus({ preventScroll: true });
}
