import "@/components/stop-bar.css";
import { Anchor, Button, Stack, Text } from "@mantine/core";
import { IconHandStop } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { type Halt, releaseAClientStop, releaseTheOrganisationStop } from "@/api/generated";
import { Confirm } from "@/components/Confirm";
import { stopsQuery } from "@/components/stops";
import { when } from "@/lib/format";
import { useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";
import { ask } from "@/lib/trouble";

/** Says on every page that something is stopped, for as long as it is. */
export function StopBanner() {
  const { data } = useQuery(stopsQuery);
  const stops = data?.data ?? [];
  const widest = stops[0];
  if (!widest) return null;
  return widest.scope === "client" ? <OfNumbers stops={stops} /> : <OfAll stop={widest} />;
}

function OfAll({ stop }: { stop: Halt }) {
  const { t } = useT();
  return (
    <Bar title={t(stop.scope === "org" ? "stop.on.org" : "stop.on.installation")} text={stop.reason}>
      {stop.scope === "org" && <Release />}
    </Bar>
  );
}

function OfNumbers({ stops }: { stops: Halt[] }) {
  const { t } = useT();
  const only = stops.length === 1 ? stops[0] : undefined;
  const to = only?.client_id ? `/clients/${only.client_id}` : "/clients";
  return (
    <Bar title={only ? t("stop.on.one") : t("stop.on.some", { count: stops.length })} text={only?.reason}>
      <Anchor component={Link} to={to} size="sm" fw={600} c="inherit" td="underline">
        {t("stop.show")}
      </Anchor>
    </Bar>
  );
}

/** A line across the page; its height is fixed, for pages that fill what is left. */
function Bar({ title, text, children }: { title: string; text?: string | undefined; children: React.ReactNode }) {
  return (
    <div className="stop-bar" role="alert">
      <IconHandStop size={20} aria-hidden />
      <Text size="sm" fw={650} lineClamp={2}>
        {title}
      </Text>
      <Text size="sm" truncate visibleFrom="sm" flex={1}>
        {text}
      </Text>
      <div className="stop-bar-end">{children}</div>
    </div>
  );
}

/** When it was stopped; by whom and why, for who may know. */
export function Why({ stop }: { stop: Halt }) {
  const { t, language } = useT();
  const since = when(stop.since, language);
  return (
    <Stack gap={0} flex={1} miw={200}>
      <Text size="sm" c="var(--mantine-color-text)">
        {stop.reason}
      </Text>
      <Text size="xs" c="dimmed">
        {stop.by ? t("stop.by", { who: stop.by, when: since }) : since}
      </Text>
    </Stack>
  );
}

/** The way back, for who may: of a number, or of the whole organisation. */
export function Release({ client }: { client?: { id: string; name: string } }) {
  const { t } = useT();
  const cache = useQueryClient();
  const allowed = useMay();
  const [asking, setAsking] = useState(false);
  const release = useMutation({
    mutationFn: async () => {
      if (client) await ask(releaseAClientStop({ path: { client: client.id } }));
      else await ask(releaseTheOrganisationStop());
    },
    onSuccess: () => {
      for (const key of ["stops", "clients", "client", "health"]) void cache.invalidateQueries({ queryKey: [key] });
      setAsking(false);
    },
  });
  if (!allowed("stop:release")) {
    return (
      <Text size="xs" c="inherit">
        {t("stop.admin")}
      </Text>
    );
  }
  return (
    <>
      <Button size="xs" color="red.8" onClick={() => setAsking(true)}>
        {t("stop.release")}
      </Button>
      {asking && (
        <Confirm
          title={t("stop.release")}
          text={client ? t("stop.release.client", { name: client.name }) : t("stop.release.org")}
          action={t("stop.release")}
          busy={release.isPending}
          error={release.error}
          onConfirm={() => release.mutate()}
          onClose={() => setAsking(false)}
        />
      )}
    </>
  );
}
