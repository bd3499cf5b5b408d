import { ActionIcon, Button, Group, Input, Stack, Text, TextInput } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import type { HeaderRow } from "@/features/webhooks/draft";
import { useT } from "@/lib/i18n";

interface Props {
  /** undefined keeps those that there are. */
  value: HeaderRow[] | undefined;
  /** Names of those that there are. */
  kept: string[];
  error?: string | undefined;
  onChange: (rows: HeaderRow[] | undefined) => void;
}

/** One's own headers; the values of those that there are cannot be shown, only replaced. */
export function HeadersField({ value, kept, error, onChange }: Props) {
  const { t } = useT();
  return (
    <Input.Wrapper label={t("hooks.headers")} description={t("hooks.headers.text")} error={error} labelElement="div">
      {value === undefined ? (
        <Group mt="xs" gap="xs">
          <Text size="sm" className="anywhere">
            {kept.join(", ")}
          </Text>
          <Button size="xs" variant="default" onClick={() => onChange(kept.map((name) => ({ name, value: "" })))}>
            {t("hooks.headers.replace")}
          </Button>
        </Group>
      ) : (
        <Rows rows={value} onChange={onChange} />
      )}
    </Input.Wrapper>
  );
}

function Rows({ rows, onChange }: { rows: HeaderRow[]; onChange: (rows: HeaderRow[]) => void }) {
  const { t } = useT();
  const put = (n: number, change: Partial<HeaderRow>) => onChange(rows.map((r, i) => (i === n ? { ...r, ...change } : r)));
  return (
    <Stack gap="xs" mt="xs">
      {rows.map((row, n) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place; two may be alike while they are typed
        <Group key={n} gap="xs" wrap="nowrap">
          <TextInput
            flex={1}
            aria-label={t("hooks.headers.name")}
            placeholder={t("hooks.headers.name")}
            value={row.name}
            onChange={(e) => put(n, { name: e.currentTarget.value })}
          />
          <TextInput
            flex={1}
            aria-label={t("hooks.headers.value")}
            placeholder={t("hooks.headers.value")}
            value={row.value}
            onChange={(e) => put(n, { value: e.currentTarget.value })}
          />
          <ActionIcon
            variant="default"
            size="lg"
            aria-label={t("hooks.headers.remove")}
            onClick={() => onChange(rows.filter((_, i) => i !== n))}
          >
            <IconTrash size={16} />
          </ActionIcon>
        </Group>
      ))}
      <Button
        size="xs"
        w="fit-content"
        variant="default"
        leftSection={<IconPlus size={14} />}
        onClick={() => onChange([...rows, { name: "", value: "" }])}
      >
        {t("hooks.headers.add")}
      </Button>
    </Stack>
  );
}
