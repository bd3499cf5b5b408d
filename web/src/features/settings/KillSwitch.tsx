import { Button, Group, Skeleton } from "@mantine/core";
import { IconHandStop } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Section } from "@/components/Section";
import { Release, Why } from "@/components/StopBanner";
import { StopDialog } from "@/components/StopDialog";
import { stopsQuery } from "@/components/stops";
import { TroubleNote } from "@/components/TroubleNote";
import { useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";

/** Stops everything that leaves the organisation, and lets it go on. */
export function KillSwitch() {
  const { t } = useT();
  const allowed = useMay();
  const [asking, setAsking] = useState(false);
  const got = useQuery(stopsQuery);
  const stop = got.data?.data?.find((s) => s.scope === "org");
  return (
    <Section
      title={t("settings.stop")}
      text={t("settings.stop.text")}
      aside={
        got.isSuccess &&
        !stop &&
        allowed("stop:write") && (
          <Button color="red.8" leftSection={<IconHandStop size={18} />} onClick={() => setAsking(true)}>
            {t("stop.org")}
          </Button>
        )
      }
    >
      <TroubleNote error={got.error} />
      {got.isPending && <Skeleton h={40} />}
      {stop && (
        <Group justify="space-between">
          <Why stop={stop} />
          <Release />
        </Group>
      )}
      {asking && <StopDialog onClose={() => setAsking(false)} />}
    </Section>
  );
}
