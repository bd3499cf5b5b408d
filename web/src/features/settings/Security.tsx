import { Checkbox, Group, NumberInput, Select, Stack, Switch } from "@mantine/core";
import { useState } from "react";
import { Section } from "@/components/Section";
import { type Org, useOrgChange } from "@/features/settings/org";
import { Saver } from "@/features/settings/Saver";
import { useT } from "@/lib/i18n";
import { numberName, useNumbers } from "@/lib/numbers";
import { fieldTrouble } from "@/lib/trouble";

const roles = ["admin", "manager", "agent", "viewer"] as const;
type Role = (typeof roles)[number];

interface Props {
  org: Org;
  locked: boolean;
}

/** How people sign in, for how long, and what agents see and do. */
export function Security({ org, locked }: Props) {
  const { t, word } = useT();
  const { sign_in: signIn, settings } = org;
  const [factor, setFactor] = useState<Role[]>(signIn.second_factor_roles ?? []);
  const [hours, setHours] = useState<number | string>(settings.session_hours);
  const [own, setOwn] = useState(settings.agents_see_own_chats);
  const [fresh, setFresh] = useState(settings.agents_new_contacts);
  const [http, setHttp] = useState(settings.allow_http_webhooks);
  const [client, setClient] = useState(signIn.code_client ?? "");
  const save = useOrgChange();
  const patch = changes({ factor, hours: Number(hours), own, fresh, http, client }, org);
  return (
    <Section title={t("settings.security")} text={t("settings.security.text")}>
      <Saver
        changed={Object.keys(patch).length > 0}
        busy={save.isPending}
        error={save.error}
        fields={["body.settings.session_hours"]}
        onSave={locked ? undefined : () => save.mutate(patch)}
      >
        <Checkbox.Group
          label={t("settings.factor")}
          description={t("settings.factor.text")}
          value={factor}
          onChange={(v) => setFactor(v as Role[])}
          readOnly={locked}
        >
          <Group mt="xs" gap="lg">
            {roles.map((r) => (
              <Checkbox key={r} value={r} label={word("role", r)} disabled={locked} />
            ))}
          </Group>
        </Checkbox.Group>
        <CodeNumber value={client} onChange={setClient} locked={locked} />
        <NumberInput
          label={t("settings.hours")}
          description={t("settings.hours.text")}
          value={hours}
          onChange={setHours}
          error={fieldTrouble(save.error, "body.settings.session_hours")}
          min={1}
          max={2160}
          suffix={` ${t("settings.hours.unit")}`}
          readOnly={locked}
          maw={280}
        />
        <Stack gap="sm">
          <Switch
            label={t("settings.own")}
            description={t("settings.own.text")}
            checked={own}
            onChange={(e) => setOwn(e.currentTarget.checked)}
            disabled={locked}
          />
          <Switch
            label={t("settings.new")}
            description={t("settings.new.text")}
            checked={fresh}
            onChange={(e) => setFresh(e.currentTarget.checked)}
            disabled={locked}
          />
          <Switch
            label={t("settings.http")}
            description={t("settings.http.text")}
            checked={http}
            onChange={(e) => setHttp(e.currentTarget.checked)}
            disabled={locked}
          />
        </Stack>
      </Saver>
    </Section>
  );
}

/** Which number sends the one-time codes of signing in. */
function CodeNumber({ value, onChange, locked }: { value: string; onChange: (id: string) => void; locked: boolean }) {
  const { t } = useT();
  const numbers = useNumbers();
  return (
    <Select
      label={t("settings.codes")}
      description={t("settings.codes.text")}
      data={[{ value: "", label: t("settings.codes.none") }, ...numbers.map((c) => ({ value: c.id, label: numberName(c) }))]}
      value={value}
      onChange={(id) => onChange(id ?? "")}
      allowDeselect={false}
      searchable={numbers.length > 10}
      readOnly={locked}
    />
  );
}

interface Draft {
  factor: Role[];
  hours: number;
  own: boolean;
  /** Agents may write to whom there is no chat with. */
  fresh: boolean;
  http: boolean;
  client: string;
}

/** What differs from what is set: what did not change needs no proof of who one is. */
export function changes(d: Draft, { sign_in: s, settings: now }: Pick<Org, "sign_in" | "settings">) {
  const same = (a: readonly string[], b: readonly string[]) => [...a].sort().join() === [...b].sort().join();
  const signIn = {
    ...(same(d.factor, s.second_factor_roles ?? []) ? {} : { second_factor_roles: d.factor }),
    ...(d.client === (s.code_client ?? "") ? {} : { code_client: d.client }),
  };
  const settings = {
    ...(d.hours === now.session_hours ? {} : { session_hours: d.hours }),
    ...(d.own === now.agents_see_own_chats ? {} : { agents_see_own_chats: d.own }),
    ...(d.fresh === now.agents_new_contacts ? {} : { agents_new_contacts: d.fresh }),
    ...(d.http === now.allow_http_webhooks ? {} : { allow_http_webhooks: d.http }),
  };
  return {
    ...(Object.keys(signIn).length > 0 ? { sign_in: signIn } : {}),
    ...(Object.keys(settings).length > 0 ? { settings } : {}),
  };
}
