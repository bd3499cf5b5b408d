import { Button, CloseButton, Collapse, Group, MultiSelect, Select, SimpleGrid, Stack, TextInput } from "@mantine/core";
import { useDebouncedCallback, useDebouncedValue, useDisclosure, useMediaQuery } from "@mantine/hooks";
import { IconAdjustmentsHorizontal, IconFilterOff, IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { type Filters, filtered, noFilters, type Status, statuses, toSearch } from "@/features/messages/filters";
import { peopleQuery, personQuery } from "@/features/messages/queries";
import { useT } from "@/lib/i18n";
import { hoursAgo, toField, toInstant } from "@/lib/instant";
import { numberName, useNumbers } from "@/lib/numbers";

interface Props {
  filters: Filters;
  onChange: (f: Filters) => void;
}

const typed = 350; // milliseconds without typing before the words are looked for

/** What the table shows. On phones all but the words is folded away. */
export function FilterBar({ filters, onChange }: Props) {
  const { t } = useT();
  const narrow = useMediaQuery("(max-width: 48em)", undefined, { getInitialValueInEffect: false });
  const [open, fold] = useDisclosure(false);
  const { q: _, ...others } = filters;
  const count = Object.keys(toSearch({ ...others, q: "" })).length;
  return (
    <Stack gap="xs">
      <Group gap="xs" align="flex-end" wrap="nowrap">
        <Words value={filters.q} onChange={(q) => onChange({ ...filters, q })} />
        {narrow && (
          <Button
            variant={count > 0 ? "light" : "default"}
            leftSection={<IconAdjustmentsHorizontal size={17} />}
            onClick={fold.toggle}
            aria-expanded={open}
          >
            {t("messages.filters")}
            {count > 0 && ` (${count})`}
          </Button>
        )}
        {!narrow && filtered(filters) && (
          <Button variant="default" leftSection={<IconFilterOff size={17} />} onClick={() => onChange(noFilters)}>
            {t("messages.clear")}
          </Button>
        )}
      </Group>
      <Collapse expanded={!narrow || open}>
        <Choices filters={filters} onChange={onChange} />
        {narrow && filtered(filters) && (
          <Button mt="xs" variant="default" leftSection={<IconFilterOff size={17} />} onClick={() => onChange(noFilters)}>
            {t("messages.clear")}
          </Button>
        )}
      </Collapse>
    </Stack>
  );
}

function Words({ value, onChange }: { value: string; onChange: (q: string) => void }) {
  const { t } = useT();
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const later = useDebouncedCallback(onChange, typed);
  const put = (q: string) => {
    setText(q);
    later(q);
  };
  return (
    <TextInput
      flex={1}
      maw={420}
      type="search"
      maxLength={200}
      leftSection={<IconSearch size={16} aria-hidden />}
      aria-label={t("messages.q")}
      placeholder={t("messages.q")}
      value={text}
      onChange={(e) => put(e.currentTarget.value)}
      rightSection={text && <CloseButton size="sm" aria-label={t("inbox.search.clear")} onClick={() => put("")} />}
    />
  );
}

function Choices({ filters, onChange }: Props) {
  const { t, word } = useT();
  const numbers = useNumbers();
  const put = (change: Partial<Filters>) => onChange({ ...filters, ...change });
  const kinds = [...new Set(["text", "unknown", ...(filters.type ? [filters.type] : [])])];
  return (
    <SimpleGrid cols={{ base: 1, xs: 2, md: 3, xl: 6 }} spacing="xs">
      <Select
        aria-label={t("messages.number")}
        placeholder={t("messages.number.all")}
        data={numbers.map((c) => ({ value: c.id, label: numberName(c) }))}
        value={filters.client || null}
        onChange={(client) => put({ client: client ?? "" })}
        searchable
        clearable
      />
      <PersonSelect id={filters.contact} onChange={(contact) => put({ contact })} />
      <MultiSelect
        aria-label={t("messages.status")}
        placeholder={filters.status.length ? "" : t("messages.status.any")}
        data={statuses.map((s) => ({ value: s, label: word("status", s) }))}
        value={filters.status}
        onChange={(status) => put({ status: status as Status[] })}
        clearable
        hidePickedOptions
      />
      <Select
        aria-label={t("messages.direction")}
        placeholder={t("messages.direction.any")}
        data={(["outbound", "inbound"] as const).map((d) => ({ value: d, label: t(`messages.direction.${d}`) }))}
        value={filters.direction || null}
        onChange={(d) => put({ direction: (d ?? "") as Filters["direction"] })}
        clearable
      />
      <Select
        aria-label={t("messages.type")}
        placeholder={t("messages.type.any")}
        data={kinds.map((k) => ({ value: k, label: word("kind", k) }))}
        value={filters.type || null}
        onChange={(type) => put({ type: type ?? "" })}
        clearable
      />
      <Range filters={filters} onChange={onChange} />
    </SimpleGrid>
  );
}

function PersonSelect({ id, onChange }: { id: string; onChange: (id: string) => void }) {
  const { t } = useT();
  const [text, setText] = useState("");
  const [q] = useDebouncedValue(text.trim(), typed);
  const chosen = useQuery(personQuery(id)).data;
  // What is shown for the choice is no search.
  const found = useQuery(peopleQuery(chosen && q === chosen.label ? "" : q)).data ?? [];
  const known = chosen ?? (id ? { id, label: t("messages.person.one") } : undefined);
  const data = known && !found.some((p) => p.id === known.id) ? [known, ...found] : found;
  return (
    <Select
      aria-label={t("messages.person")}
      placeholder={t("messages.person.hint")}
      data={data.map((p) => ({ value: p.id, label: p.label || t("messages.person.one") }))}
      value={id || null}
      onChange={(v) => onChange(v ?? "")}
      onSearchChange={setText}
      filter={({ options }) => options}
      nothingFoundMessage={t("messages.person.none")}
      searchable
      clearable
    />
  );
}

const spans = { hour: 1, day: 24, week: 168 } as const;

function Range({ filters, onChange }: Props) {
  const { t } = useT();
  const [own, setOwn] = useState(false);
  const put = (since: string, until: string) => onChange({ ...filters, since, until });
  const pick = (v: string | null) => {
    setOwn(v === "own");
    if (v === "own") return;
    put(v ? hoursAgo(spans[v as keyof typeof spans]) : "", "");
  };
  const chosen = own || filters.since || filters.until;
  return (
    <>
      <Select
        aria-label={t("messages.range")}
        placeholder={t("messages.range.any")}
        data={(["hour", "day", "week", "own"] as const).map((v) => ({ value: v, label: t(`messages.range.${v}`) }))}
        value={chosen ? (spanOf(filters, own) ?? "own") : null}
        onChange={pick}
        clearable
      />
      {chosen && (
        <>
          <TextInput
            type="datetime-local"
            aria-label={t("messages.since")}
            leftSection={t("messages.since")}
            leftSectionWidth={62}
            value={toField(filters.since)}
            onChange={(e) => put(toInstant(e.currentTarget.value) ?? "", filters.until)}
          />
          <TextInput
            type="datetime-local"
            aria-label={t("messages.until")}
            leftSection={t("messages.until")}
            leftSectionWidth={62}
            value={toField(filters.until)}
            onChange={(e) => put(filters.since, toInstant(e.currentTarget.value) ?? "")}
          />
        </>
      )}
    </>
  );
}

const minute = 60_000;

// The span that a beginning stands for, as long as it is fresh.
function spanOf(f: Filters, own: boolean): string | undefined {
  if (own || f.until || !f.since) return undefined;
  const past = Date.now() - Date.parse(f.since);
  return Object.entries(spans).find(([, hours]) => Math.abs(past - hours * 60 * minute) < minute)?.[0];
}
