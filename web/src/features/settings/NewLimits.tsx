import { useState } from "react";
import { LimitFacts, LimitFields, LimitReason, limitNames } from "@/components/LimitFields";
import { Section } from "@/components/Section";
import { type Org, useOrgChange } from "@/features/settings/org";
import { Saver } from "@/features/settings/Saver";
import { UsualLimits } from "@/features/settings/UsualLimits";
import { useT } from "@/lib/i18n";
import { isFaster } from "@/lib/limits";

// Where the reason stands in what is sent.
const reasonAt = "body.settings.new_client_limits_reason";

/** How fast a number may send that is added from now on. */
export function NewLimits({ org, locked }: { org: Org; locked: boolean }) {
  const { t } = useT();
  const now = org.settings.new_client_limits;
  const [draft, setDraft] = useState(now);
  const [reason, setReason] = useState("");
  const save = useOrgChange();
  const faster = isFaster(draft, now);
  const why = faster && reason.trim() ? { new_client_limits_reason: reason } : {};
  return (
    <Section title={t("settings.newlimits")} text={t("settings.newlimits.text")}>
      {locked ? (
        <LimitFacts limits={now} />
      ) : (
        <Saver
          changed={JSON.stringify(draft) !== JSON.stringify(now)}
          busy={save.isPending}
          error={save.error}
          fields={[...limitNames("body.settings.new_client_limits"), ...(faster ? [reasonAt] : [])]}
          onSave={() => save.mutate({ settings: { new_client_limits: draft, ...why } })}
        >
          <LimitFields
            value={draft}
            now={now}
            onChange={(change) => setDraft((d) => ({ ...d, ...change }))}
            error={save.error}
            under="body.settings.new_client_limits"
          />
          <UsualLimits draft={draft} onPick={setDraft} />
          {faster && <LimitReason value={reason} onChange={setReason} error={save.error} at={reasonAt} />}
        </Saver>
      )}
    </Section>
  );
}
