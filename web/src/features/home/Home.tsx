import { Grid, SimpleGrid, Skeleton, Stack } from "@mantine/core";
import { usePrefetchQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { PageHead } from "@/components/PageHead";
import { TroubleNote } from "@/components/TroubleNote";
import { Attention } from "@/features/home/Attention";
import { Chart } from "@/features/home/Chart";
import { Feed } from "@/features/home/Feed";
import { Figures } from "@/features/home/Figures";
import { Lanes } from "@/features/home/Lanes";
import { Numbers } from "@/features/home/Numbers";
import { anyMessageQuery, chatNamesQuery, failedQuery, feedQuery, figuresQuery, overviewQuery } from "@/features/home/queries";
import { Start } from "@/features/home/Start";
import { firstRange } from "@/features/home/series";
import { clientsQuery } from "@/lib/clients";
import { useT } from "@/lib/i18n";
import { may, useMay, useMe } from "@/lib/me";

export function Page() {
  const { t } = useT();
  const allowed = useMay();
  const overview = useQuery(overviewQuery);
  usePrefetchQuery(figuresQuery(firstRange));
  usePrefetchQuery(clientsQuery);
  useAhead();
  const now = overview.data;
  return (
    <>
      <PageHead title={t("home.title")} text={t("home.text")} />
      <Stack>
        <TroubleNote error={overview.error} />
        {overview.isPending && <Waiting />}
        {now && <Start overview={now} />}
        {now && now.clients.total > 0 && (
          <>
            <Figures overview={now} />
            <Grid>
              <Grid.Col span={{ base: 12, lg: 8 }} order={{ base: 2, lg: 1 }}>
                <Stack>
                  <Chart />
                  {allowed("events:read") && <Feed />}
                </Stack>
              </Grid.Col>
              <Grid.Col span={{ base: 12, lg: 4 }} order={{ base: 1, lg: 2 }}>
                <Stack>
                  <Attention overview={now} />
                  <Numbers counts={now.clients} />
                  <Lanes lanes={now.lanes} />
                </Stack>
              </Grid.Col>
            </Grid>
          </>
        )}
      </Stack>
    </>
  );
}

/** Asks at once for what the page shows when it knows that there is something to show. */
function useAhead() {
  const me = useMe();
  const cache = useQueryClient();
  // Before the first paint it would be in the way.
  useEffect(() => {
    void import("@/features/home/Drawing");
    if (may(me, "events:read")) void cache.prefetchQuery(feedQuery);
    if (may(me, "contacts:read")) void cache.prefetchQuery(chatNamesQuery);
    if (may(me, "messages:read")) void cache.prefetchQuery(failedQuery);
    if (may(me, "messages:send")) void cache.prefetchQuery(anyMessageQuery);
  }, [me, cache]);
}

function Waiting() {
  return (
    <>
      <SimpleGrid cols={{ base: 2, md: 4 }} aria-busy>
        {[1, 2, 3, 4].map((n) => (
          <Skeleton key={n} h={124} radius="lg" />
        ))}
      </SimpleGrid>
      <Skeleton h={400} radius="lg" />
    </>
  );
}
