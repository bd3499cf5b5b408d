import { Button, Group, Text } from "@mantine/core";
import { IconDotsVertical } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { memo } from "react";
import { getAMessage, type Message } from "@/api/generated";
import { Ticks } from "@/components/Ticks";
import { Said, useGist } from "@/features/inbox/kinds";
import { clock, when } from "@/lib/format";
import { useT } from "@/lib/i18n";
import type { Pending } from "@/lib/outbox";
import { ask, Trouble } from "@/lib/trouble";

/** What can be done with a bubble. */
export interface Acts {
  story: (m: Message) => void;
  menu: (m: Message, at: HTMLElement) => void;
  jump: (message: string) => void;
  again: (p: Pending) => void;
  drop: (ref: string) => void;
}

interface Props {
  message: Message;
  acts: Acts;
  /** Reached by the tab key; the arrow keys move on from it. */
  active: boolean;
  /** The one that was looked for. */
  sought: boolean;
  /** What the other side is called. */
  other: string;
}

/** One message. Ours can be asked what became of them. */
export const Bubble = memo(function Bubble({ message: m, acts, active, sought, other }: Props) {
  const { t, word, language } = useT();
  const mine = m.direction === "outbound";
  const tab = active ? 0 : -1;
  const time = (
    <time dateTime={m.created_at} title={when(m.created_at, language)}>
      {clock(m.created_at, language)}
    </time>
  );
  return (
    <article
      className="bubble"
      data-mine={mine || undefined}
      data-status={m.status}
      data-message={m.id}
      data-sought={sought || undefined}
      tabIndex={tab}
    >
      {m.reply_to && <Quote id={m.reply_to} other={other} onJump={acts.jump} tab={tab} />}
      <Said message={m} />
      {m.error && (
        <Text size="xs" className="bad" fw={600}>
          {word("fail", m.error.code, m.error.title)}
        </Text>
      )}
      {mine ? (
        <button type="button" className="bubble-foot" tabIndex={tab} onClick={() => acts.story(m)}>
          <span className="hidden-label">{t("inbox.what", { status: word("status", m.status) })}</span>
          {m.origin !== "dashboard" && <span>{word("origin", m.origin)}</span>}
          {time}
          <Ticks status={m.status} />
        </button>
      ) : (
        <span className="bubble-foot">{time}</span>
      )}
      <button
        type="button"
        className="bubble-menu"
        tabIndex={tab}
        aria-haspopup="menu"
        aria-label={t("inbox.menu")}
        onClick={(e) => acts.menu(m, e.currentTarget)}
      >
        <IconDotsVertical size={16} aria-hidden />
      </button>
    </article>
  );
});

/** The message that another one answers. */
function Quote({ id, other, onJump, tab }: { id: string; other: string; onJump: (id: string) => void; tab: number }) {
  const { t } = useT();
  const gist = useGist();
  const quoted = useQuery({
    queryKey: ["message", id],
    queryFn: () => ask(getAMessage({ path: { message: id } })),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const m = quoted.data;
  if (quoted.error instanceof Trouble && quoted.error.status === 404) return <span className="quote">{t("inbox.quote.gone")}</span>;
  return (
    <button type="button" className="quote" data-mine={m?.direction === "outbound" || undefined} tabIndex={tab} onClick={() => onJump(id)}>
      <strong>
        <bdi>{m ? (m.direction === "outbound" ? t("inbox.quote.mine") : other) : "…"}</bdi>
      </strong>
      <span dir="auto">{m ? gist(m) : "\u00a0"}</span>
    </button>
  );
}

/** What was written here and is no message yet. */
export const PendingBubble = memo(function PendingBubble({ pending: p, acts, other }: { pending: Pending; acts: Acts; other: string }) {
  const { t, language } = useT();
  const failed = p.error !== undefined;
  return (
    <article className="bubble" data-mine data-status={failed ? "refused" : "unsent"}>
      {p.replyTo && <Quote id={p.replyTo} other={other} onJump={acts.jump} tab={-1} />}
      <Said message={p.content} />
      {failed && <Refused pending={p} acts={acts} />}
      <span className="bubble-foot">
        {clock(p.at, language)}
        {failed ? <Ticks status="failed" /> : <Ticks status="queued" />}
      </span>
      {!failed && <span className="hidden-label">{t("inbox.leaving")}</span>}
    </article>
  );
});

function Refused({ pending: p, acts }: { pending: Pending; acts: Acts }) {
  const { t } = useT();
  const problem = p.error instanceof Trouble ? p.error.problem : undefined;
  const words = problem ? [problem.title, problem.detail].filter(Boolean).join(": ") : t("trouble.unreachable");
  return (
    <div role="alert">
      <Text size="xs" className="bad" fw={600}>
        {words}
      </Text>
      {problem?.errors?.map((f) => (
        <Text key={f.location} size="xs" className="bad">
          {f.message}
        </Text>
      ))}
      {problem?.request_id && (
        <Text size="xs" ff="monospace">
          {problem.request_id}
        </Text>
      )}
      <Group gap="xs" my={4}>
        <Button size="compact-xs" variant="white" onClick={() => acts.again(p)}>
          {t("inbox.retry")}
        </Button>
        <Button size="compact-xs" variant="subtle" color="gray" onClick={() => acts.drop(p.ref)}>
          {t("inbox.discard")}
        </Button>
      </Group>
    </div>
  );
}
