import { Accordion, MultiSelect, NumberInput, Select, SimpleGrid, Stack, Switch, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { FormEnd } from "@/components/FormEnd";
import { TroubleNote } from "@/components/TroubleNote";
import type { Draft } from "@/features/webhooks/draft";
import { EventsPicker } from "@/features/webhooks/EventsPicker";
import { HeadersField } from "@/features/webhooks/HeadersField";
import { useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";
import { numberName, useNumbers } from "@/lib/numbers";
import { orgQuery } from "@/lib/org";
import { fieldTrouble } from "@/lib/trouble";

interface Props {
  initial: Draft;
  /** Names of the headers that there are already. */
  headers?: string[];
  action: string;
  busy: boolean;
  error: unknown;
  onSubmit: (d: Draft) => void;
  onClose: () => void;
}

/** Everything that can be set of an endpoint. */
export function Form({ initial, headers = [], action, busy, error, onSubmit, onClose }: Props) {
  const { t } = useT();
  const [draft, setDraft] = useState(initial);
  const org = useQuery({ ...orgQuery, enabled: useMay()("org:read") });
  const plain = org.data?.settings.allow_http_webhooks;
  const put = (change: Partial<Draft>) => setDraft((d) => ({ ...d, ...change }));
  const trouble = (field: string) => fieldTrouble(error, `body.${field}`);
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        onSubmit(draft);
      }}
    >
      <Stack>
        <TextInput
          label={t("hooks.url")}
          description={t(plain ? "hooks.url.text.http" : "hooks.url.text")}
          type="url"
          placeholder="https://example.com/webhooks"
          value={draft.url}
          onChange={(e) => put({ url: e.currentTarget.value })}
          error={trouble("url")}
          maxLength={2048}
          data-autofocus
          required
          withAsterisk={false}
        />
        <TextInput
          label={t("hooks.description")}
          value={draft.description}
          onChange={(e) => put({ description: e.currentTarget.value })}
          error={trouble("description")}
          maxLength={500}
        />
        <EventsPicker value={draft.events} onChange={(events) => put({ events })} error={trouble("events")} />
        <Accordion variant="contained">
          <Accordion.Item value="filters">
            <Accordion.Control>{t("hooks.filters")}</Accordion.Control>
            <Accordion.Panel>
              <Filters draft={draft} put={put} />
            </Accordion.Panel>
          </Accordion.Item>
          <Accordion.Item value="how">
            <Accordion.Control>{t("hooks.how")}</Accordion.Control>
            <Accordion.Panel>
              <How draft={draft} put={put} trouble={trouble} headers={headers} />
            </Accordion.Panel>
          </Accordion.Item>
        </Accordion>
        <TroubleNote error={error} fields={["body.url", "body.description", "body.events"]} />
        <FormEnd does={action} busy={busy} disabled={draft.events.length === 0} onCancel={onClose} />
      </Stack>
    </form>
  );
}

interface Part {
  draft: Draft;
  put: (change: Partial<Draft>) => void;
}

function Filters({ draft, put }: Part) {
  const { t } = useT();
  const known = useNumbers().map((c) => ({ value: c.id, label: numberName(c) || c.id }));
  const gone = draft.clients.filter((id) => !known.some((k) => k.value === id)).map((id) => ({ value: id, label: id }));
  return (
    <Stack gap="sm">
      <MultiSelect
        label={t("hooks.clients")}
        description={t("hooks.clients.text")}
        placeholder={draft.clients.length === 0 ? t("hooks.clients.all") : undefined}
        data={[...known, ...gone]}
        value={draft.clients}
        onChange={(clients) => put({ clients })}
        searchable
        clearable
      />
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        <Select
          label={t("hooks.direction")}
          data={[
            { value: "", label: t("hooks.direction.both") },
            { value: "inbound", label: t("hooks.direction.inbound") },
            { value: "outbound", label: t("hooks.direction.outbound") },
          ]}
          value={draft.directions.length === 1 ? (draft.directions[0] ?? "") : ""}
          onChange={(v) => put({ directions: v ? [v] : [] })}
          allowDeselect={false}
        />
        <Select
          label={t("hooks.chats")}
          data={[
            { value: "", label: t("hooks.chats.all") },
            { value: "direct", label: t("hooks.chats.direct") },
            { value: "group", label: t("hooks.chats.group") },
          ]}
          value={draft.chatKinds.length === 1 ? (draft.chatKinds[0] ?? "") : ""}
          onChange={(v) => put({ chatKinds: v ? [v] : [] })}
          allowDeselect={false}
        />
      </SimpleGrid>
    </Stack>
  );
}

function How({ draft, put, trouble, headers }: Part & { trouble: (field: string) => string | undefined; headers: string[] }) {
  const { t } = useT();
  return (
    <Stack gap="sm">
      <Select
        label={t("hooks.payload")}
        data={[
          { value: "full", label: t("hooks.payload.full") },
          { value: "thin", label: t("hooks.payload.thin") },
        ]}
        value={draft.payload}
        onChange={(v) => put({ payload: v === "thin" ? "thin" : "full" })}
        allowDeselect={false}
      />
      <Switch
        label={t("hooks.ordered")}
        description={t("hooks.ordered.text")}
        checked={draft.ordered}
        onChange={(e) => put({ ordered: e.currentTarget.checked })}
      />
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        {draft.ordered && (
          <NumberInput
            label={t("hooks.batch")}
            min={1}
            max={50}
            value={draft.batch}
            onChange={(v) => put({ batch: Number(v) || 1 })}
            error={trouble("batch")}
          />
        )}
        <NumberInput
          label={t("hooks.rate")}
          placeholder={t("hooks.rate.none")}
          min={1}
          max={10_000}
          value={draft.rate ?? ""}
          onChange={(v) => put({ rate: Number(v) || undefined })}
          error={trouble("rate")}
        />
        <NumberInput
          label={t("hooks.inflight")}
          min={1}
          max={64}
          value={draft.maxInFlight}
          onChange={(v) => put({ maxInFlight: Number(v) || 1 })}
          error={trouble("max_in_flight")}
        />
        <NumberInput
          label={t("hooks.timeout")}
          min={1}
          max={30}
          value={draft.timeoutSeconds}
          onChange={(v) => put({ timeoutSeconds: Number(v) || 15 })}
          error={trouble("timeout_ms")}
        />
      </SimpleGrid>
      <HeadersField value={draft.headers} kept={headers} onChange={(rows) => put({ headers: rows })} error={trouble("headers")} />
    </Stack>
  );
}
