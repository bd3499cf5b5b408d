import { Select, TextInput } from "@mantine/core";
import { useState } from "react";
import { Secret } from "@/components/Secret";
import { Section } from "@/components/Section";
import { type Org, useOrgChange } from "@/features/settings/org";
import { Saver } from "@/features/settings/Saver";
import { useT } from "@/lib/i18n";
import { fieldTrouble } from "@/lib/trouble";

interface Props {
  org: Org;
  locked: boolean;
}

/** What the organisation is called, and whose days it counts in. */
export function General({ org, locked }: Props) {
  const { t } = useT();
  const [name, setName] = useState(org.name);
  const [zone, setZone] = useState(org.settings.time_zone);
  const save = useOrgChange();
  const changed = name.trim() !== org.name || zone !== org.settings.time_zone;
  return (
    <Section title={t("settings.general")}>
      <Saver
        changed={changed}
        busy={save.isPending}
        error={save.error}
        fields={["body.name", "body.settings.time_zone"]}
        onSave={locked ? undefined : () => save.mutate({ name, settings: { time_zone: zone } })}
      >
        <TextInput
          label={t("settings.name")}
          value={name}
          onChange={(e) => setName(e.currentTarget.value)}
          error={fieldTrouble(save.error, "body.name")}
          readOnly={locked}
          required
          withAsterisk={false}
        />
        <Select
          label={t("settings.zone")}
          description={t("settings.zone.text")}
          data={zones(org.settings.time_zone)}
          value={zone}
          onChange={(z) => z && setZone(z)}
          error={fieldTrouble(save.error, "body.settings.time_zone")}
          searchable
          allowDeselect={false}
          readOnly={locked}
          limit={50}
          nothingFoundMessage={t("settings.zone.none")}
        />
        <Secret label={t("settings.id")} note={t("settings.id.text")} value={org.id} />
      </Saver>
    </Section>
  );
}

/** The zones that this browser knows, with UTC and the one that is set. */
function zones(now: string): string[] {
  return [...new Set(["UTC", now, Intl.DateTimeFormat().resolvedOptions().timeZone, ...Intl.supportedValuesOf("timeZone")])];
}
