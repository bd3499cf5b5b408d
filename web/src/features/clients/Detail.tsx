import { Anchor, Grid, Group, Skeleton, Stack } from "@mantine/core";
import { IconArrowLeft } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import type { Client } from "@/api/generated";
import { unpaired } from "@/components/ClientState";
import { TroubleNote } from "@/components/TroubleNote";
import { Advice } from "@/features/clients/Advice";
import { AgentsCard } from "@/features/clients/AgentsCard";
import { FactsCard } from "@/features/clients/FactsCard";
import { Head } from "@/features/clients/Head";
import { HealthCard } from "@/features/clients/HealthCard";
import { HistoryCard } from "@/features/clients/HistoryCard";
import { LimitsCard } from "@/features/clients/LimitsCard";
import { clientQuery } from "@/features/clients/queries";
import { ReadingCard } from "@/features/clients/ReadingCard";
import { StoppedNote } from "@/features/clients/StoppedNote";
import { useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";

export function Page() {
  const { t } = useT();
  const { client: id } = useParams({ strict: false }) as { client: string };
  const got = useQuery(clientQuery(id));
  return (
    <Stack maw={1080}>
      <Anchor component={Link} to="/clients" size="sm" w="fit-content">
        <Group gap={4}>
          <IconArrowLeft size={16} aria-hidden />
          {t("nav.clients")}
        </Group>
      </Anchor>
      <TroubleNote error={got.error} />
      {got.isPending && <Skeleton h={260} radius="lg" />}
      {got.data && <Sheet key={id} client={got.data} />}
    </Stack>
  );
}

function Sheet({ client: c }: { client: Client }) {
  const allowed = useMay();
  const inspects = allowed("clients:inspect");
  const facts = <FactsCard client={c} />;
  return (
    <>
      <Head client={c} />
      <StoppedNote client={c} />
      <Advice client={c} />
      {!inspects && !allowed("users:read") && facts}
      {(inspects || allowed("users:read")) && (
        <Grid>
          <Grid.Col span={{ base: 12, md: 7 }}>
            <Stack>
              {inspects && !unpaired(c) && <HealthCard client={c.id} />}
              {inspects && <LimitsCard client={c.id} />}
              {inspects && <ReadingCard client={c} />}
              {allowed("users:read") && <AgentsCard client={c} />}
            </Stack>
          </Grid.Col>
          <Grid.Col span={{ base: 12, md: 5 }}>
            <Stack>
              {facts}
              {inspects && <HistoryCard client={c.id} />}
            </Stack>
          </Grid.Col>
        </Grid>
      )}
    </>
  );
}
