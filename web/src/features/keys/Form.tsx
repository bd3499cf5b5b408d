import { NumberInput, Select, SimpleGrid, Stack, TagsInput, TextInput } from "@mantine/core";
import { useState } from "react";
import { FormEnd } from "@/components/FormEnd";
import { TroubleNote } from "@/components/TroubleNote";
import { type Expiry, endOf, type Life, lives } from "@/features/keys/expiry";
import { isNetwork } from "@/features/keys/networks";
import { ScopePicker } from "@/features/keys/ScopePicker";
import { useT } from "@/lib/i18n";
import { fieldTrouble } from "@/lib/trouble";

export interface Draft {
  name: string;
  scopes: string[];
  networks: string[];
  /** Requests a minute; undefined for the usual limit. */
  rate: number | undefined;
  expiry: Expiry;
}

interface Props {
  initial: Draft;
  action: string;
  busy: boolean;
  error: unknown;
  onSubmit: (d: Draft) => void;
  onClose: () => void;
}

/** Everything that can be set of a key. */
export function Form({ initial, action, busy, error, onSubmit, onClose }: Props) {
  const { t } = useT();
  const [draft, setDraft] = useState(initial);
  const put = (change: Partial<Draft>) => setDraft((d) => ({ ...d, ...change }));
  const wrong = draft.networks.filter((n) => !isNetwork(n));
  const undated = draft.expiry.life === "date" && endOf(draft.expiry) === undefined;
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        onSubmit(draft);
      }}
    >
      <Stack>
        <TextInput
          label={t("keys.name")}
          description={t("keys.name.text")}
          value={draft.name}
          onChange={(e) => put({ name: e.currentTarget.value })}
          error={fieldTrouble(error, "body.name")}
          maxLength={100}
          data-autofocus
          required
          withAsterisk={false}
        />
        <ScopePicker value={draft.scopes} onChange={(scopes) => put({ scopes })} error={fieldTrouble(error, "body.scopes")} />
        <ExpiryField value={draft.expiry} onChange={(expiry) => put({ expiry })} error={fieldTrouble(error, "body.expires_at")} />
        <TagsInput
          label={t("keys.networks")}
          description={t("keys.networks.text")}
          placeholder={draft.networks.length === 0 ? "203.0.113.0/24" : undefined}
          value={draft.networks}
          onChange={(networks) => put({ networks: networks.map((n) => n.trim()) })}
          splitChars={[",", " ", ";"]}
          maxTags={50}
          acceptValueOnBlur
          error={wrong.length > 0 ? t("keys.networks.wrong", { what: wrong.join(", ") }) : fieldTrouble(error, "body.networks")}
        />
        <NumberInput
          label={t("keys.rate")}
          description={t("keys.rate.text")}
          placeholder={t("keys.rate.usual")}
          min={1}
          max={60_000}
          value={draft.rate ?? ""}
          onChange={(v) => put({ rate: Number(v) || undefined })}
          error={fieldTrouble(error, "body.rate")}
        />
        <TroubleNote error={error} fields={["body.name", "body.scopes", "body.expires_at", "body.networks", "body.rate"]} />
        <FormEnd
          does={action}
          busy={busy}
          disabled={draft.scopes.length === 0 || wrong.length > 0 || undated || !draft.name.trim()}
          onCancel={onClose}
        />
      </Stack>
    </form>
  );
}

interface ExpiryProps {
  value: Expiry;
  onChange: (e: Expiry) => void;
  error: string | undefined;
}

function ExpiryField({ value, onChange, error }: ExpiryProps) {
  const { t } = useT();
  return (
    <SimpleGrid cols={{ base: 1, xs: 2 }}>
      <Select
        label={t("keys.expires")}
        data={lives.map((l) => ({ value: l, label: t(`keys.life.${l}`) }))}
        value={value.life}
        onChange={(l) => onChange({ ...value, life: (l ?? "never") as Life })}
        allowDeselect={false}
        error={value.life === "date" ? undefined : error}
      />
      {value.life === "date" && (
        <TextInput
          type="datetime-local"
          label={t("keys.life.on")}
          value={value.field}
          onChange={(e) => onChange({ ...value, field: e.currentTarget.value })}
          error={error}
          required
          withAsterisk={false}
        />
      )}
    </SimpleGrid>
  );
}
