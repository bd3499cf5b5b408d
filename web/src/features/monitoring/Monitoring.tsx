import { Anchor, SimpleGrid, Skeleton, Stack, Text } from "@mantine/core";
import { IconExternalLink } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import type { Monitoring } from "@/api/generated";
import { PageHead } from "@/components/PageHead";
import { Section } from "@/components/Section";
import { TroubleNote } from "@/components/TroubleNote";
import { Measure, type MeasureProps } from "@/features/monitoring/Measure";
import { Processes } from "@/features/monitoring/Processes";
import { monitoringQuery } from "@/features/monitoring/queries";
import { second } from "@/lib/format";
import { type Key, useT } from "@/lib/i18n";

/** How the installation is; the figures are asked for again every ten seconds. */
export function Page() {
  const { t, language } = useT();
  const look = useQuery(monitoringQuery);
  const m = look.data;
  return (
    <>
      <PageHead title={t("monitoring.title")} text={t("monitoring.text")}>
        {look.dataUpdatedAt > 0 && (
          <Text size="sm" c="dimmed">
            {t("monitoring.at", { when: second(look.dataUpdatedAt, language) })}
          </Text>
        )}
      </PageHead>
      <Stack>
        <TroubleNote error={look.error} />
        {look.isPending && <Waiting />}
        {m && (
          <>
            <Processes all={m.processes} />
            <SimpleGrid cols={{ base: 1, lg: 3 }}>
              <Block title="monitoring.whatsapp" text="monitoring.whatsapp.text" measures={whatsapp(m)} />
              <Block title="monitoring.database" text="monitoring.database.text" measures={database(m)} />
              <Block title="monitoring.api" text="monitoring.api.text" measures={api(m)} />
            </SimpleGrid>
            <Queues url={m.queues_url} />
          </>
        )}
      </Stack>
    </>
  );
}

function Block({ title, text, measures }: { title: Key; text: Key; measures: MeasureProps[] }) {
  const { t } = useT();
  return (
    <Section title={t(title)} text={t(text)}>
      <Stack gap="sm" component="dl" m={0}>
        {measures.map((m) => (
          <Measure key={m.label} {...m} />
        ))}
      </Stack>
    </Section>
  );
}

const whatsapp = ({ whatsapp: w }: Monitoring): MeasureProps[] => [
  { label: "monitoring.active", value: w.active_clients, unit: "count", why: "monitoring.why.soon" },
  { label: "monitoring.today", value: w.messages_today, unit: "count", why: "monitoring.why.soon" },
  { label: "monitoring.delivered", value: w.delivery_rate, unit: "share", why: "monitoring.why.nosent" },
  { label: "monitoring.read", value: w.read_rate, unit: "share", why: "monitoring.why.nosent" },
  { label: "monitoring.p95", value: w.send_p95_ms, unit: "ms", why: "monitoring.why.nosent" },
];

const database = ({ database: d }: Monitoring): MeasureProps[] => [
  { label: "monitoring.connections", value: d.connections, of: d.max_connections, unit: "count", why: "monitoring.why.soon" },
  { label: `monitoring.queries.${d.counted}`, value: d.queries_per_second, unit: "count", why: "monitoring.why.twolooks" },
  { label: `monitoring.mean.${d.counted}`, value: d.mean_ms, unit: "ms", why: "monitoring.why.twolooks" },
  { label: "monitoring.cache", value: d.cache_hit, unit: "share", why: "monitoring.why.noreads" },
  { label: "monitoring.size", value: d.size_bytes, unit: "bytes", why: "monitoring.why.soon" },
];

const api = ({ api: a }: Monitoring): MeasureProps[] => [
  { label: "monitoring.requests", value: a.requests_per_minute, unit: "count", why: "monitoring.why.twolooks" },
  { label: "monitoring.latency", value: a.p95_ms, unit: "ms", why: "monitoring.why.norequests" },
  { label: "monitoring.errors", value: a.error_rate, unit: "share", why: "monitoring.why.norequests" },
  { label: "monitoring.limited", value: a.rate_limited_per_minute, unit: "count", why: "monitoring.why.twolooks" },
  { label: "monitoring.refused", value: a.auth_failures_per_minute, unit: "count", why: "monitoring.why.twolooks" },
];

function Queues({ url }: { url: string }) {
  const { t } = useT();
  if (!url) return null;
  return (
    <Section title={t("monitoring.queues")} text={t("monitoring.queues.text")}>
      <Anchor href={url} target="_blank" rel="noreferrer" w="fit-content">
        {t("monitoring.queues.open")} <IconExternalLink size={15} aria-hidden />
      </Anchor>
    </Section>
  );
}

function Waiting() {
  return (
    <>
      <Skeleton h={190} radius="lg" aria-busy />
      <SimpleGrid cols={{ base: 1, lg: 3 }}>
        {[1, 2, 3].map((n) => (
          <Skeleton key={n} h={330} radius="lg" />
        ))}
      </SimpleGrid>
    </>
  );
}
