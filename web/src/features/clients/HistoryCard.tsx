import { Skeleton, Text, Timeline } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import type { ListClientChange } from "@/api/generated";
import { stateColor } from "@/components/ClientState";
import { LoadMore } from "@/components/LoadMore";
import { Section } from "@/components/Section";
import { TroubleNote } from "@/components/TroubleNote";
import { speaksForItself } from "@/features/clients/groups";
import { historyQuery } from "@/features/clients/queries";
import { when } from "@/lib/format";
import { useT } from "@/lib/i18n";
import { flat } from "@/lib/pages";
import { said } from "@/lib/said";

/** The states that a number was in, and why. */
export function HistoryCard({ client }: { client: string }) {
  const { t, word } = useT();
  const list = useInfiniteQuery(historyQuery(client));
  const all = flat(list.data);
  return (
    <Section title={t("history.title")}>
      <TroubleNote error={list.error} />
      {list.isPending && <Skeleton h={160} />}
      {list.isSuccess && all.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("history.none")}
        </Text>
      )}
      <Timeline bulletSize={14} lineWidth={2} active={all.length}>
        {all.map((s) => (
          // Not a component of its own: the timeline counts its children.
          <Timeline.Item key={`${s.at} ${s.status}`} title={word("state", s.status)} color={stateColor(s.status)}>
            <Change change={s} />
          </Timeline.Item>
        ))}
      </Timeline>
      <LoadMore query={list} />
    </Section>
  );
}

function Change({ change: s }: { change: ListClientChange["data"][number] }) {
  const words = useT();
  const { t, word, language } = words;
  return (
    <>
      <Text size="sm">{word("why", s.status, "")}</Text>
      {s.reason && !speaksForItself(s.status) && (
        <Text size="sm" c="dimmed">
          {said(s.reason, words)}
        </Text>
      )}
      <Text size="xs" c="dimmed">
        {when(s.at, language)}
        {s.until && ` · ${t("history.until", { when: when(s.until, language) })}`}
      </Text>
    </>
  );
}
