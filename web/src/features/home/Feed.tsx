import { Anchor, Box, Button, Group, Skeleton, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useMemo, useState } from "react";
import { Section } from "@/components/Section";
import { TroubleNote } from "@/components/TroubleNote";
import { chatNamesQuery, feedQuery } from "@/features/home/queries";
import { lines, type Told, type Tone, tell } from "@/features/home/tell";
import { clientsQuery } from "@/lib/clients";
import { ago, when } from "@/lib/format";
import { useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";
import { useNow } from "@/lib/useNow";

const atFirst = 8;
const most = 60;

const colors: Record<Tone, string> = { good: "jade.6", bad: "red.7", warning: "orange.6", plain: "gray.5" };

/** What happens, as it happens, in plain words. */
export function Feed() {
  const translator = useT();
  const { t } = translator;
  const allowed = useMay();
  const feed = useQuery(feedQuery);
  const clients = useQuery(clientsQuery);
  const chats = useQuery({ ...chatNamesQuery, enabled: allowed("contacts:read") });
  const now = useNow(15_000);
  const [all, setAll] = useState(false);
  const names = useMemo(
    () => new Map([...(chats.data ?? []), ...(clients.data?.data ?? []).map((c): [string, string] => [c.id, c.name])]),
    [chats.data, clients.data],
  );
  const worth = useMemo(() => lines(feed.data ?? [], most), [feed.data]);
  return (
    <Section title={t("feed.title")} text={t("feed.text")}>
      <TroubleNote error={feed.error} />
      {feed.isPending && <Skeleton h={220} />}
      {feed.isSuccess && worth.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("feed.empty")}
        </Text>
      )}
      <Stack gap={0} component="ol" m={0} p={0} className="plain">
        {(all ? worth : worth.slice(0, atFirst)).map((e) => (
          <Line key={e.id} told={tell(e, names, translator)} now={now} />
        ))}
      </Stack>
      {worth.length > atFirst && (
        <Group>
          <Button variant="subtle" size="compact-sm" onClick={() => setAll(!all)} aria-expanded={all}>
            {t(all ? "feed.less" : "feed.more")}
          </Button>
        </Group>
      )}
    </Section>
  );
}

function Line({ told, now }: { told: Told; now: number }) {
  const { language } = useT();
  return (
    <Group component="li" gap="sm" wrap="nowrap" py={7} align="baseline">
      <Box w={9} h={9} bg={colors[told.tone]} bdrs="xl" aria-hidden flex="none" />
      <Text size="sm" flex={1} miw={0} className="wrap">
        <Where to={told.to}>{told.text}</Where>
      </Text>
      <Text size="xs" c="dimmed" component="time" dateTime={told.at} title={when(told.at, language)} flex="none">
        {ago(told.at, language, now)}
      </Text>
    </Group>
  );
}

function Where({ to, children }: { to: Told["to"]; children: ReactNode }) {
  const allowed = useMay();
  if (!to || !allowed(needs[to.path])) return children;
  const { path, ...params } = to;
  return (
    <Anchor component={Link} to={path} params={params as never} inherit c="inherit" underline="hover">
      {children}
    </Anchor>
  );
}

const needs = { "/inbox/$chat": "messages:read", "/clients/$client": "clients:read", "/webhooks/$webhook": "webhooks:read" } as const;
