import { Badge, Checkbox, Group, Stack, Table, Text, UnstyledButton } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconArrowDownLeft, IconArrowUpRight } from "@tabler/icons-react";
import type { Message } from "@/api/generated";
import { statusColor } from "@/components/MessageDrawer";
import { Ticks } from "@/components/Ticks";
import { canCancel, canRetry } from "@/lib/fate";
import { moment, phone, when } from "@/lib/format";
import { useT } from "@/lib/i18n";
import { useNumbers } from "@/lib/numbers";

/** What chats are called, by their ids. */
type Names = Record<string, string>;

interface Props {
  rows: Message[];
  names: Names;
  /** Another page is on its way. */
  stale: boolean;
  /** What is picked; absent where nothing can be done with it. */
  selected: ReadonlySet<string> | undefined;
  onSelect: (ids: ReadonlySet<string>) => void;
  onOpen: (id: string) => void;
}

/** Something can be done about it together with others. */
export const selectable = (m: Message) => canCancel(m) || canRetry(m);

/** Messages as a table, or as cards where a table does not fit. */
export function Rows(props: Props) {
  const narrow = useMediaQuery("(max-width: 62em)", undefined, { getInitialValueInEffect: false });
  return (
    <div className="rows" data-stale={props.stale || undefined}>
      {narrow ? <Cards {...props} /> : <Wide {...props} />}
    </div>
  );
}

function Wide({ rows, names, selected, onSelect, onOpen }: Props) {
  const { t, language } = useT();
  return (
    <Table.ScrollContainer minWidth={760}>
      <Table highlightOnHover verticalSpacing="xs" className="messages-table">
        <Table.Thead>
          <Table.Tr>
            {selected && (
              <Table.Th w={40}>
                <All rows={rows} selected={selected} onSelect={onSelect} />
              </Table.Th>
            )}
            <Table.Th>{t("messages.time")}</Table.Th>
            <Table.Th>{t("messages.status")}</Table.Th>
            <Table.Th>{t("messages.person")}</Table.Th>
            <Table.Th>{t("messages.message")}</Table.Th>
            <Table.Th>{t("messages.number")}</Table.Th>
            <Table.Th ta="end">{t("messages.attempts")}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((m) => (
            <Table.Tr key={m.id} data-id={m.id} bg={selected?.has(m.id) ? "var(--mantine-color-jade-light)" : undefined}>
              {selected && (
                <Table.Td>
                  <One message={m} selected={selected} onSelect={onSelect} />
                </Table.Td>
              )}
              <Table.Td className="still" title={when(m.created_at, language)}>
                {moment(m.created_at, language)}
              </Table.Td>
              <Table.Td>
                <StatusBadge message={m} />
              </Table.Td>
              <Table.Td maw={220}>
                <Who message={m} names={names} />
              </Table.Td>
              <Table.Td maw={380}>
                <Words message={m} onOpen={onOpen} />
              </Table.Td>
              <Table.Td maw={160}>
                <NumberName id={m.client_id} />
              </Table.Td>
              <Table.Td ta="end">{m.direction === "outbound" ? m.attempts : ""}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Cards({ rows, names, selected, onSelect, onOpen }: Props) {
  const { language } = useT();
  return (
    <Stack gap="xs">
      {selected && rows.some(selectable) && <All rows={rows} selected={selected} onSelect={onSelect} label />}
      {rows.map((m) => (
        <Group key={m.id} data-id={m.id} className="message-card" gap="sm" wrap="nowrap" align="flex-start">
          {selected && <One message={m} selected={selected} onSelect={onSelect} />}
          <Stack gap={4} flex={1} miw={0}>
            <Group justify="space-between" gap="xs" wrap="nowrap">
              <Who message={m} names={names} />
              <Text size="xs" c="dimmed" className="still">
                {moment(m.created_at, language)}
              </Text>
            </Group>
            <Words message={m} onOpen={onOpen} />
            <Group justify="space-between" gap="xs" wrap="nowrap">
              <StatusBadge message={m} />
              <NumberName id={m.client_id} />
            </Group>
          </Stack>
        </Group>
      ))}
    </Stack>
  );
}

function StatusBadge({ message: m }: { message: Message }) {
  const { word } = useT();
  return (
    <Badge
      variant="light"
      tt="none"
      fw={600}
      display="flex"
      w="fit-content"
      color={statusColor(m.status)}
      leftSection={m.direction === "outbound" && <Ticks status={m.status} />}
      title={m.error && word("fail", m.error.code, m.error.title)}
    >
      {word("status", m.status)}
    </Badge>
  );
}

/** Whom a message is with: by name where there is one, and by number. */
function Who({ message: m, names }: { message: Message; names: Names }) {
  const { t } = useT();
  const inbound = m.direction === "inbound";
  const other = inbound ? m.from : m.to;
  const number = phone(other?.phone) || other?.input || other?.lid || "–";
  const name = names[m.chat_id ?? ""] ?? "";
  const named = name !== "" && name !== other?.phone;
  const Arrow = inbound ? IconArrowDownLeft : IconArrowUpRight;
  return (
    <Group gap={6} wrap="nowrap" miw={0}>
      <Arrow
        size={16}
        role="img"
        aria-label={t(inbound ? "messages.direction.inbound" : "messages.direction.outbound")}
        className="still"
      />
      <Stack gap={0} miw={0}>
        <Text size="sm" truncate>
          <bdi>{named ? name : number}</bdi>
        </Text>
        {named && (
          <Text size="xs" c="dimmed" truncate>
            <bdi>{number}</bdi>
          </Text>
        )}
      </Stack>
    </Group>
  );
}

function Words({ message: m, onOpen }: { message: Message; onOpen: (id: string) => void }) {
  const { t, word } = useT();
  return (
    <UnstyledButton className="words-button" onClick={() => onOpen(m.id)} title={t("story.title")}>
      <Text size="sm" lineClamp={1} dir="auto" fs={m.text ? undefined : "italic"}>
        {m.text ? m.text.body.slice(0, 300) : word("kind", m.type)}
      </Text>
      {m.error && (
        <Text size="xs" c="var(--mantine-color-red-text)" lineClamp={1}>
          {[word("fail", m.error.code, m.error.title), m.error.provider?.code].filter(Boolean).join(" · ")}
        </Text>
      )}
    </UnstyledButton>
  );
}

function NumberName({ id }: { id: string }) {
  const client = useNumbers().find((c) => c.id === id);
  return (
    <Text size="sm" c="dimmed" truncate>
      <bdi>{client?.name ?? ""}</bdi>
    </Text>
  );
}

interface Picking {
  selected: ReadonlySet<string>;
  onSelect: (ids: ReadonlySet<string>) => void;
}

function One({ message: m, selected, onSelect }: Picking & { message: Message }) {
  const { t } = useT();
  const toggle = () => {
    const next = new Set(selected);
    if (!next.delete(m.id)) next.add(m.id);
    onSelect(next);
  };
  if (!selectable(m)) return null;
  return <Checkbox checked={selected.has(m.id)} onChange={toggle} aria-label={t("messages.select")} />;
}

function All({ rows, selected, onSelect, label = false }: Picking & { rows: Message[]; label?: boolean }) {
  const { t } = useT();
  const able = rows.filter(selectable);
  const every = able.length > 0 && able.every((m) => selected.has(m.id));
  const text = t("messages.selectall");
  return (
    <Checkbox
      checked={every}
      indeterminate={!every && selected.size > 0}
      disabled={able.length === 0}
      onChange={() => onSelect(new Set(every ? [] : able.map((m) => m.id)))}
      {...(label ? { label: text } : { "aria-label": text })}
    />
  );
}
