// A conversation as rows: messages, what is on its way to become one, and the
// days between them.

import { defaultRangeExtractor, type Range } from "@tanstack/react-virtual";
import type { Message } from "@/api/generated";
import { sameDay } from "@/lib/format";
import { ownRef, type Pending } from "@/lib/outbox";

export type Item =
  | { kind: "day"; key: string; at: string }
  | { kind: "message"; key: string; message: Message }
  | { kind: "pending"; key: string; pending: Pending };

/**
 * Lays out messages, the oldest first, and then what is pending. A day stands
 * only where the message before is known, or nothing is before: rows that were
 * laid out stay where they are when older ones come in above them.
 */
export function lay(messages: Message[], pending: Pending[], fromStart: boolean): Item[] {
  const items: Item[] = [];
  const seen = new Set<string>();
  // Rows must not share a key: a reference may have been used twice, and clocks that go back bring a day again.
  const key = (wanted: string, otherwise: string) => {
    const k = seen.has(wanted) ? otherwise : wanted;
    seen.add(k);
    return k;
  };
  let before: Date | undefined;
  const day = (iso: string, id: string) => {
    const at = new Date(iso);
    if (before ? !sameDay(before, at) : fromStart) {
      items.push({ kind: "day", key: key(`day ${at.toDateString()}`, `day before ${id}`), at: iso });
    }
    before = at;
  };
  for (const message of messages) {
    day(message.created_at, message.id);
    // The bubble of what was written here stays the same one when the answer comes.
    items.push({ kind: "message", key: key(ownRef(message) ?? message.id, message.id), message });
  }
  for (const p of pending) {
    if (!before) day(p.at, p.ref);
    items.push({ kind: "pending", key: key(p.ref, `${p.ref} again`), pending: p });
  }
  return items;
}

const lineHeight = 22;
const charactersPerLine = 56;

/** About how high a row will be, in pixels, before it is drawn. */
export function guess(item: Item | undefined): number {
  if (!item || item.kind === "day") return 40;
  const text = item.kind === "message" ? item.message.text?.body : item.pending.content.text?.body;
  const lines = (text ?? "").slice(0, 1200).split("\n");
  const wrapped = lines.slice(0, 24).reduce((n, l) => n + Math.max(1, Math.ceil(l.length / charactersPerLine)), 0);
  return 38 + wrapped * lineHeight;
}

/** The next row in a direction that holds a message, from a row on. */
export function neighbour(items: Item[], from: number, step: 1 | -1): number {
  for (let i = from + step; i >= 0 && i < items.length; i += step) {
    if (items[i]?.kind === "message") return i;
  }
  return from;
}

/** The rows in sight and, wherever it is, the one that has the keyboard. */
export function withFocused(range: Range, focused: number): number[] {
  const rows = defaultRangeExtractor(range);
  if (focused < 0 || focused >= range.count || rows.includes(focused)) return rows;
  return [...rows, focused].sort((a, b) => a - b);
}
