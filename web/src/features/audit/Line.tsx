import { Accordion, Badge, Button, Code, Group, Stack, Table, Text } from "@mantine/core";
import type { AuditLine } from "@/api/generated";
import { Facts } from "@/components/Facts";
import { type Change, changes } from "@/features/audit/changes";
import type { Filters } from "@/features/audit/filters";
import { moment, when } from "@/lib/format";
import { useT } from "@/lib/i18n";

interface Props {
  line: AuditLine;
  onNarrow: (change: Filters) => void;
}

/** One thing that somebody did, and on demand all that is known of it. */
export function Line({ line: l, onNarrow }: Props) {
  const { t, word, language } = useT();
  return (
    <Accordion.Item value={l.id}>
      <Accordion.Control>
        <Group gap="xs" justify="space-between" wrap="nowrap">
          <Stack gap={2} miw={0}>
            <Text size="sm" fw={600} truncate>
              {word("did", l.action)}
            </Text>
            <Group gap={6} wrap="nowrap" miw={0}>
              <Text size="sm" truncate>
                {l.actor_name || l.actor_id || t("audit.nobody")}
              </Text>
              <Badge variant="default" size="sm" tt="none" style={{ flexShrink: 0 }}>
                {l.role ? word("role", l.role) : word("actor", l.actor_kind)}
              </Badge>
              {l.target && (
                <Text size="xs" c="dimmed" truncate visibleFrom="sm">
                  {l.target}
                </Text>
              )}
            </Group>
          </Stack>
          <Text size="sm" c="dimmed" title={when(l.at, language)} style={{ flexShrink: 0 }}>
            {moment(l.at, language)}
          </Text>
        </Group>
      </Accordion.Control>
      <Accordion.Panel>
        <More line={l} onNarrow={onNarrow} />
      </Accordion.Panel>
    </Accordion.Item>
  );
}

function More({ line: l, onNarrow }: Props) {
  const { t, language } = useT();
  return (
    <Stack gap="sm">
      <Changed rows={changes(l.before, l.after)} both={l.before !== undefined && l.after !== undefined} />
      <Facts
        rows={[
          [t("audit.when"), when(l.at, language)],
          [t("audit.action"), <Code key="action">{l.action}</Code>],
          [t("audit.target"), l.target && <Code className="anywhere">{l.target}</Code>],
          [t("audit.ip"), l.ip],
          [t("audit.agent"), l.user_agent],
          [t("trouble.request"), l.request_id && <Code className="anywhere">{l.request_id}</Code>],
          [t("audit.sequence"), l.sequence],
          [
            t("audit.hash"),
            <Code key="hash" className="anywhere">
              {l.hash}
            </Code>,
          ],
        ]}
      />
      <Group gap="xs">
        {l.actor_id && (
          <Button size="xs" variant="default" onClick={() => onNarrow({ actor: l.actor_id })}>
            {t("audit.only.who")}
          </Button>
        )}
        {l.target && (
          <Button size="xs" variant="default" onClick={() => onNarrow({ target: l.target })}>
            {t("audit.only.target")}
          </Button>
        )}
      </Group>
    </Stack>
  );
}

/** What it was and what it became; where both are known only what differs. */
function Changed({ rows, both }: { rows: Change[]; both: boolean }) {
  const { t } = useT();
  const shown = both ? rows.filter((r) => r.changed) : rows;
  if (rows.length === 0) return null;
  if (shown.length === 0) return <Text size="sm">{t("audit.same")}</Text>;
  const before = shown.some((r) => r.before !== undefined);
  const after = shown.some((r) => r.after !== undefined);
  return (
    <Table.ScrollContainer minWidth={300}>
      <Table fz="sm" layout="fixed" className="anywhere">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t("audit.field")}</Table.Th>
            {before && <Table.Th>{t("audit.before")}</Table.Th>}
            {after && <Table.Th>{t("audit.after")}</Table.Th>}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {shown.map((r) => (
            <Table.Tr key={r.path}>
              <Table.Td>{r.path}</Table.Td>
              {before && <Table.Td className={both ? "was" : undefined}>{r.before ?? ""}</Table.Td>}
              {after && <Table.Td className={both ? "is" : undefined}>{r.after ?? ""}</Table.Td>}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
