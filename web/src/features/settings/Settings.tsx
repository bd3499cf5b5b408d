import { Skeleton, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { PageHead } from "@/components/PageHead";
import { TroubleNote } from "@/components/TroubleNote";
import { DeleteOrg } from "@/features/settings/DeleteOrg";
import { Erasures } from "@/features/settings/Erasures";
import { General } from "@/features/settings/General";
import { KillSwitch } from "@/features/settings/KillSwitch";
import { NewLimits } from "@/features/settings/NewLimits";
import { OrgLimits } from "@/features/settings/OrgLimits";
import { Retention } from "@/features/settings/Retention";
import { Security } from "@/features/settings/Security";
import { SingleSignOn } from "@/features/settings/SingleSignOn";
import { useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";
import { type Org, orgQuery } from "@/lib/org";

export function Page() {
  const { t } = useT();
  const allowed = useMay();
  const got = useQuery(orgQuery);
  return (
    <Stack maw={760}>
      <PageHead title={t("settings.title")} text={t(allowed("org:write") ? "settings.text" : "settings.look")} />
      <TroubleNote error={got.error} />
      {got.isPending && <Skeleton h={420} radius="lg" aria-busy />}
      {got.data && <Sections org={got.data} />}
    </Stack>
  );
}

function Sections({ org }: { org: Org }) {
  const allowed = useMay();
  const locked = !allowed("org:write");
  // A form begins anew when what it shows was changed, here or elsewhere.
  const { name, sign_in: signIn, settings } = org;
  return (
    <>
      <General key={`g${JSON.stringify([name, settings.time_zone])}`} org={org} locked={locked} />
      <Security key={`s${JSON.stringify([signIn, settings])}`} org={org} locked={locked} />
      <SingleSignOn key={`o${JSON.stringify(signIn)}`} org={org} locked={locked} />
      <Retention key={`r${JSON.stringify(settings.retention_days)}`} org={org} locked={locked} />
      {allowed("erasures:read") && <Erasures />}
      <NewLimits key={`n${JSON.stringify(settings.new_client_limits)}`} org={org} locked={locked} />
      <OrgLimits />
      {!org.deletion && <KillSwitch />}
      <DeleteOrg org={org} />
    </>
  );
}
