import { Button, Collapse, Select, SimpleGrid, Stack, TextInput } from "@mantine/core";
import { useDisclosure, useMediaQuery } from "@mantine/hooks";
import { IconAdjustmentsHorizontal } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { listApiKeys, listAuditActions, listUsers } from "@/api/generated";
import type { Filters } from "@/features/audit/filters";
import { useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";
import { ask } from "@/lib/trouble";

interface Props {
  value: Filters;
  onChange: (change: Filters) => void;
  onClear: () => void;
}

/** Which lines of the log are shown. On phones the choices are folded away. */
export function FilterBar({ value, onChange, onClear }: Props) {
  const { t } = useT();
  const narrow = useMediaQuery("(max-width: 48em)", undefined, { getInitialValueInEffect: false });
  const [open, fold] = useDisclosure(false);
  const count = Object.values(value).filter(Boolean).length;
  const clear = (
    <Button variant="default" onClick={onClear} w="fit-content" mt="auto" disabled={count === 0}>
      {t("audit.clear")}
    </Button>
  );
  if (!narrow) return <Choices value={value} onChange={onChange} end={clear} />;
  return (
    <Stack gap="xs">
      <Button
        variant={count > 0 ? "light" : "default"}
        leftSection={<IconAdjustmentsHorizontal size={17} />}
        onClick={fold.toggle}
        aria-expanded={open}
        w="fit-content"
      >
        {t("audit.filters")}
        {count > 0 && ` (${count})`}
      </Button>
      <Collapse expanded={open}>
        <Choices value={value} onChange={onChange} end={clear} />
      </Collapse>
    </Stack>
  );
}

interface ChoicesProps {
  value: Filters;
  onChange: (change: Filters) => void;
  end: React.ReactNode;
}

function Choices({ value, onChange, end }: ChoicesProps) {
  const { t } = useT();
  return (
    <SimpleGrid cols={{ base: 1, xs: 2, lg: 3 }} spacing="xs">
      <Who value={value.actor} onChange={(actor) => onChange({ actor })} />
      <What value={value.action} onChange={(action) => onChange({ action })} />
      <TextInput
        label={t("audit.target")}
        placeholder={t("audit.target.hint")}
        maxLength={300}
        value={value.target ?? ""}
        onChange={(e) => onChange({ target: e.currentTarget.value })}
      />
      <TextInput
        type="datetime-local"
        label={t("audit.since")}
        value={value.since ?? ""}
        onChange={(e) => onChange({ since: e.currentTarget.value })}
      />
      <TextInput
        type="datetime-local"
        label={t("audit.until")}
        value={value.until ?? ""}
        onChange={(e) => onChange({ until: e.currentTarget.value })}
      />
      {end}
    </SimpleGrid>
  );
}

interface PickProps {
  value: string | undefined;
  onChange: (v: string | undefined) => void;
}

function Who({ value, onChange }: PickProps) {
  const { t } = useT();
  const allowed = useMay();
  const users = useQuery({
    queryKey: ["audit", "users"],
    queryFn: () => ask(listUsers({ query: { limit: 200 } })),
    enabled: allowed("users:read"),
  });
  const keys = useQuery({
    queryKey: ["audit", "keys"],
    queryFn: () => ask(listApiKeys({ query: { limit: 200 } })),
    enabled: allowed("keys:read"),
  });
  const people = (users.data?.data ?? []).map((u) => ({ value: u.id, label: u.name || u.email }));
  const programs = (keys.data?.data ?? []).map((k) => ({ value: k.id, label: k.name }));
  // Whoever is gone, or comes after the first pages, is picked from their lines.
  const other = value && ![...people, ...programs].some((o) => o.value === value) ? [{ value, label: value }] : [];
  return (
    <Select
      label={t("audit.who")}
      placeholder={t("audit.who.all")}
      data={[
        { group: t("audit.people"), items: people },
        { group: t("keys.title"), items: programs },
        { group: t("audit.others"), items: other },
      ].filter((g) => g.items.length > 0)}
      value={value ?? null}
      onChange={(v) => onChange(v ?? undefined)}
      searchable
      clearable
    />
  );
}

function What({ value, onChange }: PickProps) {
  const { t, word } = useT();
  const got = useQuery({ queryKey: ["audit", "actions"], queryFn: () => ask(listAuditActions()), staleTime: Number.POSITIVE_INFINITY });
  const groups = new Map<string, { value: string; label: string }[]>();
  for (const action of got.data?.data ?? []) {
    const group = action.split(".")[0] ?? "";
    groups.set(group, [...(groups.get(group) ?? []), { value: action, label: word("did", action) }]);
  }
  return (
    <Select
      label={t("audit.what")}
      placeholder={t("audit.what.all")}
      data={[...groups].map(([group, items]) => ({ group: word("audit.noun", group), items }))}
      value={value ?? null}
      onChange={(v) => onChange(v ?? undefined)}
      searchable
      clearable
    />
  );
}
