import { Alert, Group } from "@mantine/core";
import { IconHandStop } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import type { Client } from "@/api/generated";
import { Release, Why } from "@/components/StopBanner";
import { stopsQuery } from "@/components/stops";
import { useT } from "@/lib/i18n";

/** Says that the kill switch holds this number itself; the wider ones have their banner. */
export function StoppedNote({ client: c }: { client: Client }) {
  const { t } = useT();
  const stops = useQuery({ ...stopsQuery, enabled: Boolean(c.stopped) });
  const mine = stops.data?.data?.find((s) => s.scope === "client" && s.client_id === c.id);
  if (!c.stopped || (c.stopped !== "client" && !mine)) return null;
  return (
    <Alert color="red" icon={<IconHandStop />} title={t("stop.on.this")}>
      <Group justify="space-between" gap="sm">
        {mine && <Why stop={mine} />}
        <Release client={c} />
      </Group>
    </Alert>
  );
}
