import { Badge, ScrollArea, Stack, Table, Text } from "@mantine/core";
import type { Monitoring } from "@/api/generated";
import { Section } from "@/components/Section";
import { type Unit, written } from "@/features/monitoring/written";
import { lasting } from "@/lib/format";
import { useT } from "@/lib/i18n";
import { useNow } from "@/lib/useNow";

type Process = Monitoring["processes"][number];

const columns = ["process", "version", "up", "cpu", "memory", "goroutines", "lines"] as const;

const colors: Record<string, string> = { api: "blue", worker: "jade", scheduler: "grape" };

/** The programs that run now, each with how it is. */
export function Processes({ all }: { all: Process[] }) {
  const { t } = useT();
  const now = useNow(10_000);
  const unknown = all.some((p) => [p.cpu_percent, p.memory_bytes, p.goroutines, p.connections].includes(null as never));
  return (
    <Section title={t("monitoring.application")} text={t("monitoring.application.text")}>
      {all.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t("monitoring.noprocesses")}
        </Text>
      ) : (
        <ScrollArea viewportProps={{ tabIndex: 0, role: "region", "aria-label": t("monitoring.application") }}>
          <Table miw={680} verticalSpacing="xs" className="oneline">
            <Table.Thead>
              <Table.Tr>
                {columns.map((c, i) => (
                  <Table.Th key={c} ta={i > 1 ? "end" : undefined}>
                    {t(`monitoring.col.${c}`)}
                  </Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {all.map((p) => (
                <Row key={p.id} process={p} now={now} />
              ))}
            </Table.Tbody>
          </Table>
        </ScrollArea>
      )}
      {unknown && (
        <Text size="xs" c="dimmed">
          {t("monitoring.why.process")}
        </Text>
      )}
    </Section>
  );
}

function Row({ process: p, now }: { process: Process; now: number }) {
  const { word, language } = useT();
  const up = Math.max(0, (now - Date.parse(p.started_at)) / 1_000);
  return (
    <Table.Tr>
      <Table.Th scope="row" fw={400}>
        <Stack gap={2} align="flex-start">
          <Badge color={colors[p.kind] ?? "gray"} variant="light" tt="none">
            {word("monitoring.kind", p.kind)}
          </Badge>
          <Text size="xs" c="dimmed" ff="monospace">
            {p.id}
          </Text>
        </Stack>
      </Table.Th>
      <Table.Td>{p.version}</Table.Td>
      <Table.Td ta="end">{lasting(up, language)}</Table.Td>
      <Cell value={p.cpu_percent} unit="percent" />
      <Cell value={p.memory_bytes} unit="bytes" />
      <Cell value={p.goroutines} unit="count" />
      <Cell value={p.connections} unit="count" />
    </Table.Tr>
  );
}

function Cell({ value, unit }: { value: number | null | undefined; unit: Unit }) {
  const { language } = useT();
  return <Table.Td ta="end">{value === null || value === undefined ? "–" : written(value, unit, language)}</Table.Td>;
}
