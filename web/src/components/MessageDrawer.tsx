import { Anchor, Badge, Button, Code, Drawer, Group, Skeleton, Stack, Text, Timeline, Title } from "@mantine/core";
import { IconArrowRight, IconHourglass, IconRefresh, IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { getAMessage, getAMessageTimeline, type Placed, type Step } from "@/api/generated";
import "@/components/message.css";
import { Callbacks } from "@/components/Callbacks";
import { complain, TroubleNote } from "@/components/TroubleNote";
import { canCancel, canRetry, useFate, waits } from "@/lib/fate";
import { clock, phone, when } from "@/lib/format";
import { useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";
import { numberName, useNumbers } from "@/lib/numbers";
import { stepSaid } from "@/lib/said";
import { ask } from "@/lib/trouble";

// While a message waits, its place in line moves without an event.
const look = 5000;

interface Props {
  /** Which message; none: closed. */
  id: string | undefined;
  onClose: () => void;
  /** Offers the way to its conversation. */
  link?: boolean;
}

/** What became of a message: why it waits, what happened to it, what can be done. */
export function MessageDrawer({ id, onClose, link = false }: Props) {
  const { t } = useT();
  return (
    <Drawer
      opened={id !== undefined}
      onClose={onClose}
      position="right"
      size="md"
      title={<Text fw={650}>{t("story.title")}</Text>}
      closeButtonProps={{ "aria-label": t("close") }}
    >
      {id && <Story id={id} link={link} />}
    </Drawer>
  );
}

function Story({ id, link }: { id: string; link: boolean }) {
  const message = useQuery({
    queryKey: ["message", id],
    queryFn: () => ask(getAMessage({ path: { message: id } })),
    refetchInterval: (q) => (q.state.data && waits(q.state.data) ? look : false),
  });
  const m = message.data;
  return (
    <Stack gap="lg">
      <TroubleNote error={message.error} />
      {message.isPending && <Skeleton h={180} />}
      {m && <Said message={m} link={link} />}
      {m && waits(m) && <Waiting message={m} />}
      {m?.error && <Why message={m} />}
      {m && <Remedy message={m} />}
      {m && <Steps message={m} />}
      {m && <Callbacks message={m} />}
      {m && <Facts message={m} />}
    </Stack>
  );
}

function Said({ message: m, link }: { message: Placed; link: boolean }) {
  const { t, word } = useT();
  return (
    <Stack gap="xs">
      <Group gap="xs">
        <Badge variant="light" tt="none" color={statusColor(m.status)}>
          {word("status", m.status)}
        </Badge>
        {m.type !== "text" && (
          <Badge variant="default" tt="none">
            {word("kind", m.type)}
          </Badge>
        )}
      </Group>
      {m.text && (
        <Text className="said" dir="auto" size="sm">
          {m.text.body}
        </Text>
      )}
      {link && m.chat_id && (
        <Anchor component={Link} to="/inbox/$chat" params={{ chat: m.chat_id } as never} search={{ message: m.id } as never} size="sm">
          <Group gap={4} component="span">
            {t("story.open")} <IconArrowRight size={15} aria-hidden />
          </Group>
        </Anchor>
      )}
    </Stack>
  );
}

function Waiting({ message: m }: { message: Placed }) {
  const { t, word, language } = useT();
  const queue = m.queue;
  if (!queue) return null;
  return (
    <Group gap="sm" wrap="nowrap" align="flex-start" className="callout" role="note">
      <IconHourglass size={20} aria-hidden />
      <Stack gap={2}>
        <Text size="sm" fw={600}>
          {queue.blocked_by ? word("wait", queue.blocked_by) : t("story.place", { n: queue.position })}
        </Text>
        {queue.blocked_by && queue.position > 1 && <Text size="sm">{t("story.place", { n: queue.position })}</Text>}
        {queue.estimated_send_at && <Text size="sm">{t("story.about", { when: when(queue.estimated_send_at, language) })}</Text>}
      </Stack>
    </Group>
  );
}

function Why({ message: m }: { message: Placed }) {
  const { t, word } = useT();
  const e = m.error;
  if (!e) return null;
  return (
    <Stack gap={4} className="callout" data-bad>
      <Text size="sm" fw={600}>
        {word("fail", e.code, e.title)}
      </Text>
      {e.detail && <Text size="sm">{e.detail}</Text>}
      <Group gap={6}>
        <Code>{e.code}</Code>
        {e.provider && <Code>{[e.provider.name, e.provider.code].filter(Boolean).join(" ")}</Code>}
      </Group>
      {!e.retryable && <Text size="xs">{t("story.final")}</Text>}
    </Stack>
  );
}

function Remedy({ message: m }: { message: Placed }) {
  const { t } = useT();
  const { cancel, retry } = useFate();
  if (!useMay()("messages:write")) return null;
  if (canCancel(m)) {
    return (
      <Button
        variant="default"
        leftSection={<IconX size={16} />}
        loading={cancel.isPending}
        onClick={() => cancel.mutate(m.id, { onError: complain })}
      >
        {t("story.cancel")}
      </Button>
    );
  }
  if (!canRetry(m)) return null;
  return (
    <Button leftSection={<IconRefresh size={16} />} loading={retry.isPending} onClick={() => retry.mutate(m.id, { onError: complain })}>
      {t("story.retry")}
    </Button>
  );
}

function Steps({ message: m }: { message: Placed }) {
  const words = useT();
  const { t, word, language } = words;
  const steps = useQuery({
    queryKey: ["timeline", m.id],
    queryFn: () => ask(getAMessageTimeline({ path: { message: m.id } })),
    refetchInterval: waits(m) ? look : false,
  });
  const all = steps.data?.data ?? [];
  return (
    <Stack gap="sm">
      <Title order={3} fz={15}>
        {t("story.steps")}
      </Title>
      <TroubleNote error={steps.error} />
      {steps.isPending && <Skeleton h={120} />}
      {steps.isSuccess && all.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("story.nosteps")}
        </Text>
      )}
      <Timeline bulletSize={12} lineWidth={2} active={all.length}>
        {all.map((s, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a timeline only grows at its end, and two steps may look the same
          <Timeline.Item key={i} title={<Text size="sm">{word("status", s.status)}</Text>}>
            <Text size="xs" c="dimmed" title={when(s.at, language)}>
              {[clock(s.at, language), stepSaid(s, words)].filter(Boolean).join(" · ")}
            </Text>
            <Answer step={s} />
          </Timeline.Item>
        ))}
      </Timeline>
    </Stack>
  );
}

// What WhatsApp's side answered, where a step tells.
function Answer({ step }: { step: Step }) {
  const data = step.data as { code?: string; provider?: { name: string; code?: string } } | null | undefined;
  const code = [data?.provider?.name, data?.provider?.code].filter(Boolean).join(" ") || data?.code;
  return code ? <Code fz={11}>{code}</Code> : null;
}

function Facts({ message: m }: { message: Placed }) {
  const { t, word, language } = useT();
  const number = useNumbers().find((c) => c.id === m.client_id);
  const other = m.direction === "inbound" ? m.from : m.to;
  const rows: [string, ReactNode][] = [
    [t("story.number"), number && <bdi>{numberName(number)}</bdi>],
    [t(m.direction === "inbound" ? "story.from" : "story.to"), other && <bdi>{phone(other.phone) || other.input || other.lid}</bdi>],
    [t("story.origin"), word("origin", m.origin)],
    [t("story.lane"), m.direction === "outbound" && word("lane", m.lane)],
    [t("story.attempts"), m.direction === "outbound" && m.attempts],
    [t("story.created"), when(m.created_at, language)],
    [t("story.sendat"), m.send_at && when(m.send_at, language)],
    [t("story.expires"), m.expires_at && when(m.expires_at, language)],
    [t("story.next"), m.next_try_at && waits(m) && when(m.next_try_at, language)],
    [t("story.ref"), m.client_ref && !m.client_ref.startsWith("web_") && <Code>{m.client_ref}</Code>],
    [t("story.id"), <Code key="id">{m.id}</Code>],
    [t("story.provider"), m.provider_message_id && <Code>{`${m.provider} ${m.provider_message_id}`}</Code>],
  ];
  return (
    <dl className="story-facts">
      {rows
        .filter(([, value]) => value || value === 0)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

/** The colour of a status. */
export function statusColor(status: Placed["status"]): string {
  if (status === "failed" || status === "expired") return "red";
  if (status === "cancelled") return "gray";
  if (["queued", "scheduled", "retry_wait", "sending"].includes(status)) return "orange";
  return status === "received" ? "blue" : "jade";
}
