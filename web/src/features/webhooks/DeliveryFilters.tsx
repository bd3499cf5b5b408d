import { Button, Collapse, Group, SegmentedControl, Select, SimpleGrid, Stack, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconFilter } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import type { Delivery } from "@/api/generated";
import { catalogueQuery } from "@/features/webhooks/queries";
import { useT } from "@/lib/i18n";
import { toInstant } from "@/lib/instant";

/** What the log is narrowed by; times as the fields of a browser hold them. */
export interface Filters {
  status?: Delivery["status"] | undefined;
  type?: string | undefined;
  lastStatus?: string | undefined;
  message?: string | undefined;
  event?: string | undefined;
  since?: string | undefined;
  until?: string | undefined;
}

// An id that is still being typed would be refused.
const whole = (kind: string, id = "") => new RegExp(`^${kind}_[0-9a-z]{26}$`).test(id.trim());

/** The filters as the API takes them; what is not complete yet narrows nothing. */
export function queryOf(f: Filters) {
  const code = Number(f.lastStatus);
  const since = toInstant(f.since ?? "");
  const until = toInstant(f.until ?? "");
  return {
    ...(f.status ? { status: f.status } : {}),
    ...(f.type ? { type: f.type } : {}),
    ...(code >= 100 && code <= 599 ? { last_status: code } : {}),
    ...(whole("msg", f.message) ? { message: f.message?.trim() } : {}),
    ...(whole("evt", f.event) ? { event: f.event?.trim() } : {}),
    ...(since ? { since } : {}),
    ...(until ? { until } : {}),
  };
}

interface Props {
  value: Filters;
  onChange: (f: Filters) => void;
}

export function DeliveryFilters({ value, onChange }: Props) {
  const { t } = useT();
  const [open, more] = useDisclosure(false);
  const put = (change: Filters) => onChange({ ...value, ...change });
  return (
    <Stack gap="sm" mb="sm">
      <Group justify="space-between" gap="xs">
        <SegmentedControl
          size="xs"
          value={value.status ?? ""}
          onChange={(s) => put({ status: (s || undefined) as Filters["status"] })}
          aria-label={t("deliveries.filter")}
          data={[
            { value: "", label: t("deliveries.all") },
            { value: "pending", label: t("deliveries.pending") },
            { value: "delivered", label: t("deliveries.delivered") },
            { value: "exhausted", label: t("deliveries.exhausted") },
          ]}
        />
        <Button size="xs" variant="default" leftSection={<IconFilter size={14} />} onClick={more.toggle} aria-expanded={open}>
          {t("deliveries.narrow")}
        </Button>
      </Group>
      <Collapse expanded={open}>
        <More value={value} put={put} onClear={() => onChange({})} />
      </Collapse>
    </Stack>
  );
}

function More({ value, put, onClear }: { value: Filters; put: (change: Filters) => void; onClear: () => void }) {
  const { t } = useT();
  const catalogue = useQuery(catalogueQuery);
  return (
    <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }} spacing="xs">
      <Select
        label={t("deliveries.type")}
        placeholder={t("hooks.all")}
        data={(catalogue.data?.data ?? []).map((e) => e.type)}
        value={value.type ?? null}
        onChange={(type) => put({ type: type ?? undefined })}
        searchable
        clearable
      />
      <TextInput
        label={t("deliveries.laststatus")}
        placeholder="500"
        inputMode="numeric"
        maxLength={3}
        value={value.lastStatus ?? ""}
        onChange={(e) => put({ lastStatus: e.currentTarget.value })}
      />
      <TextInput
        label={t("deliveries.message")}
        placeholder="msg_…"
        value={value.message ?? ""}
        onChange={(e) => put({ message: e.currentTarget.value })}
      />
      <TextInput
        label={t("deliveries.event")}
        placeholder="evt_…"
        value={value.event ?? ""}
        onChange={(e) => put({ event: e.currentTarget.value })}
      />
      <TextInput
        type="datetime-local"
        label={t("deliveries.since")}
        value={value.since ?? ""}
        onChange={(e) => put({ since: e.currentTarget.value })}
      />
      <TextInput
        type="datetime-local"
        label={t("deliveries.until")}
        value={value.until ?? ""}
        onChange={(e) => put({ until: e.currentTarget.value })}
      />
      <Button variant="default" onClick={onClear} w="fit-content">
        {t("deliveries.clear")}
      </Button>
    </SimpleGrid>
  );
}
