import { Divider, Group, Skeleton, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ClientHealth } from "@/api/generated";
import { Section } from "@/components/Section";
import { TroubleNote } from "@/components/TroubleNote";
import { waiting } from "@/features/clients/condition";
import { healthQuery } from "@/features/clients/queries";
import { Inputs, Ring } from "@/features/clients/Score";
import { UseBars } from "@/features/clients/UseBars";
import { Waiting } from "@/features/clients/Waiting";
import { when } from "@/lib/format";
import { useT } from "@/lib/i18n";

/** How a number is: its score and why, what it sent of what it may, what waits. */
export function HealthCard({ client }: { client: string }) {
  const { t } = useT();
  const got = useQuery(healthQuery(client));
  return (
    <Section title={t("health.title")} text={t("health.text")}>
      <TroubleNote error={got.error} />
      {got.isPending && <Skeleton h={220} />}
      {got.data && <Health health={got.data} />}
    </Section>
  );
}

function Health({ health: h }: { health: ClientHealth }) {
  const { t, language } = useT();
  return (
    <Stack gap="md">
      <Group align="flex-start" gap="lg">
        <Stack align="center" gap={4}>
          <Ring score={h.score} size={92} />
          <Text size="xs" c="dimmed">
            {t("health.of")}
          </Text>
        </Stack>
        <Stack flex={1} miw={220}>
          <Inputs inputs={h.inputs} />
        </Stack>
      </Group>
      <Divider />
      <UseBars use={h.use} />
      <Divider />
      <Stack gap={6}>
        <Waiting health={h} />
        {h.next_send_at && waiting(h.lanes).count > 0 && (
          <Text size="sm" c="dimmed">
            {t("queue.next", { when: when(h.next_send_at, language) })}
          </Text>
        )}
        <Text size="sm" c="dimmed">
          {h.worker ? t("worker.by", { name: h.worker.name }) : t("worker.none")}
          {h.worker?.since && ` ${t("worker.since", { when: when(h.worker.since, language) })}`}
        </Text>
      </Stack>
    </Stack>
  );
}
