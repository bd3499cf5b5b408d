import { Alert, Group, NumberInput, Switch } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useState } from "react";
import { Confirm } from "@/components/Confirm";
import { Section } from "@/components/Section";
import { type Org, useOrgChange } from "@/features/settings/org";
import { Saver } from "@/features/settings/Saver";
import { useT } from "@/lib/i18n";
import { fieldTrouble } from "@/lib/trouble";

interface Props {
  org: Org;
  locked: boolean;
}

const kinds = ["messages", "events", "deliveries", "audit"] as const;
type Kind = (typeof kinds)[number];
type Days = Record<Kind, number | null>;

// How many days each may be kept, at least and at most.
const bounds: Record<Kind, [number, number]> = { messages: [7, 3650], events: [7, 3650], deliveries: [1, 30], audit: [90, 3650] };

// What a limit begins with where there was none.
const usual = 365;

/** For how long things are kept. */
export function Retention({ org, locked }: Props) {
  const { t } = useT();
  const now: Days = org.settings.retention_days;
  const [days, setDays] = useState<Days>(now);
  const [asking, setAsking] = useState(false);
  const save = useOrgChange();
  const changed = kinds.filter((k) => days[k] !== now[k]);
  const body = { settings: { retention_days: Object.fromEntries(changed.map((k) => [k, days[k] ?? 0])) } };
  const less = shorter(days, now);
  // Without a wish of the organisation the audit log is kept as long as the installation keeps it.
  const none = (k: Kind) => t(k === "audit" ? "settings.keep.usual" : "settings.keep.ever");
  const put = (k: Kind, n: number | null) => setDays((d) => ({ ...d, [k]: n }));
  return (
    <Section title={t("settings.keep")} text={t("settings.keep.text")}>
      <Saver
        changed={changed.length > 0}
        busy={save.isPending}
        error={asking ? undefined : save.error}
        fields={kinds.map((k) => `body.settings.retention_days.${k}`)}
        onSave={locked ? undefined : () => (less ? setAsking(true) : save.mutate(body))}
      >
        {kinds.map((k) => (
          <Group key={k} align="flex-end" gap="md">
            <NumberInput
              label={t(`settings.keep.${k}`)}
              value={days[k] ?? ""}
              onChange={(n) => put(k, n === "" ? null : Number(n))}
              error={fieldTrouble(save.error, `body.settings.retention_days.${k}`)}
              description={k === "audit" ? t("settings.keep.audit.text") : undefined}
              placeholder={k === "audit" ? "–" : none(k)}
              suffix={` ${t("settings.keep.days")}`}
              min={bounds[k][0]}
              max={bounds[k][1]}
              clampBehavior="blur"
              disabled={days[k] === null}
              readOnly={locked}
              w={260}
            />
            {k !== "deliveries" && (
              <Switch
                mb={8}
                label={none(k)}
                aria-label={`${t(`settings.keep.${k}`)}: ${none(k)}`}
                checked={days[k] === null}
                onChange={(e) => put(k, e.currentTarget.checked ? null : usual)}
                disabled={locked}
              />
            )}
          </Group>
        ))}
        {less && (
          <Alert color="orange" icon={<IconAlertTriangle />}>
            {t("settings.keep.less")}
          </Alert>
        )}
      </Saver>
      {asking && (
        <Confirm
          title={t("settings.keep.sure")}
          text={t("settings.keep.sure.text")}
          action={t("settings.keep.action")}
          busy={save.isPending}
          error={save.error}
          onConfirm={() => save.mutate(body, { onSuccess: () => setAsking(false) })}
          onClose={() => setAsking(false)}
        />
      )}
    </Section>
  );
}

/** Reports whether something is to be kept for less long than now, so that what is older goes. */
export function shorter(next: Days, now: Days): boolean {
  const length = (n: number | null) => n ?? Number.POSITIVE_INFINITY;
  return kinds.some((k) => length(next[k]) < length(now[k]));
}
