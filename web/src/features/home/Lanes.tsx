import { Table, Text } from "@mantine/core";
import type { Overview } from "@/api/generated";
import { Section } from "@/components/Section";
import { count, lasting } from "@/lib/format";
import { useT } from "@/lib/i18n";
import { useNow } from "@/lib/useNow";

type Lane = Overview["lanes"][number];

/** What waits in each lane, and for how long the oldest has waited. */
export function Lanes({ lanes }: { lanes: Lane[] }) {
  const { t, word, language } = useT();
  const now = useNow(5_000);
  return (
    <Section title={t("home.lanes")} text={t("home.lanes.text")}>
      <Table withRowBorders={false} verticalSpacing={6} horizontalSpacing={0}>
        <Table.Thead>
          <Table.Tr>
            {(["home.lane", "home.lane.queued", "home.lane.oldest"] as const).map((key, i) => (
              <Table.Th key={key} ta={i > 0 ? "end" : undefined} fw={500} fz="xs" c="dimmed">
                {t(key)}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {lanes.map((l) => (
            <Table.Tr key={l.lane}>
              <Table.Td>{word("home.lane", l.lane)}</Table.Td>
              <Table.Td ta="end" fw={600}>
                {count(l.queued, language)}
              </Table.Td>
              <Table.Td ta="end">
                <Oldest at={l.oldest_at} now={now} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Section>
  );
}

function Oldest({ at, now }: { at: string | null | undefined; now: number }) {
  const { t, language } = useT();
  if (!at) {
    return (
      <Text size="sm" c="dimmed">
        {t("home.lane.empty")}
      </Text>
    );
  }
  return <Text size="sm">{lasting(Math.max(0, (now - Date.parse(at)) / 1_000), language)}</Text>;
}
