// The types of message that can be written and shown here. Another one slots in
// as one entry: how it is written, and how it looks in a bubble.

import { Text, Textarea } from "@mantine/core";
import { type ComponentType, type KeyboardEvent, type RefObject, useState } from "react";
import type { Message } from "@/api/generated";
import type { Draft } from "@/lib/drafts";
import { useT } from "@/lib/i18n";
import type { Content } from "@/lib/outbox";

export interface WriterProps {
  draft: Draft;
  onChange: (d: Draft) => void;
  onSend: () => void;
  onEscape: () => void;
  focus: RefObject<HTMLTextAreaElement | null>;
}

interface Kind {
  /** Where it is written. */
  Writer: ComponentType<WriterProps>;
  /** What would be sent; undefined while there is nothing to send. */
  content: (d: Draft) => Content | undefined;
}

const kinds: Record<string, Kind> = {
  text: {
    Writer: TextWriter,
    content: (d) => (d.body.trim() ? { type: "text", text: { body: d.body.trim() } } : undefined),
  },
};

/** How a type is written; text where the type is not known here. */
export const kindOf = (type: string): Kind => kinds[type] ?? (kinds.text as Kind);

function TextWriter({ draft, onChange, onSend, onEscape, focus }: WriterProps) {
  const { t } = useT();
  const onKeyDown = (e: KeyboardEvent) => {
    if (e.key === "Escape") onEscape();
    if (e.key !== "Enter" || e.shiftKey || e.nativeEvent.isComposing) return;
    e.preventDefault();
    onSend();
  };
  return (
    <Textarea
      ref={focus}
      flex={1}
      autosize
      minRows={1}
      maxRows={6}
      radius="lg"
      dir="auto"
      placeholder={t("inbox.write")}
      aria-label={t("inbox.write")}
      value={draft.body}
      onChange={(e) => onChange({ ...draft, body: e.currentTarget.value })}
      onKeyDown={onKeyDown}
    />
  );
}

type Shown = Pick<Message, "type" | "text">;

/** What a message says; always as text, whatever it holds. */
export function Said({ message: m }: { message: Shown }) {
  const { t, word } = useT();
  if (m.text) return <Words text={m.text.body} />;
  return <Text fs="italic">{t("inbox.kind", { kind: word("kind", m.type) })}</Text>;
}

const longText = 1200;
const manyLines = 24;

function Words({ text }: { text: string }) {
  const { t } = useT();
  const [whole, setWhole] = useState(false);
  const short = whole ? text : shortened(text);
  return (
    <>
      <span className="words" dir="auto">
        {short}
      </span>
      {short !== text && (
        <button type="button" className="bubble-link" onClick={() => setWhole(true)}>
          {t("inbox.whole")}
        </button>
      )}
    </>
  );
}

/** The beginning of a long text, cut between characters. */
export function shortened(text: string): string {
  const lines = text.split("\n", manyLines + 1);
  const few = lines.length > manyLines ? `${lines.slice(0, manyLines).join("\n")}…` : text;
  if (few.length <= longText) return few;
  const end = /[\uD800-\uDBFF]/.test(few.charAt(longText - 1)) ? longText - 1 : longText;
  return `${few.slice(0, end)}…`;
}

/** What a message says on one line. */
export function useGist(): (m: Shown) => string {
  const { word } = useT();
  return (m) => (m.text ? m.text.body.slice(0, 300).replace(/\s+/g, " ") : word("kind", m.type));
}
