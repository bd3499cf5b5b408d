import { Accordion, Button, Card, Skeleton, Text, Title } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type Delivery, listAWebhookDeliveries } from "@/api/generated";
import { DeliveryHead } from "@/components/DeliveryHead";
import { TroubleNote } from "@/components/TroubleNote";
import { Attempts } from "@/features/webhooks/Attempts";
import { DeliveryFilters, type Filters, queryOf } from "@/features/webhooks/DeliveryFilters";
import { look } from "@/features/webhooks/queries";
import { useT } from "@/lib/i18n";
import { byCursor, flat } from "@/lib/pages";
import { ask } from "@/lib/trouble";

/** What an endpoint was sent, and what it answered. */
export function Deliveries({ webhook }: { webhook: string }) {
  const { t } = useT();
  const [filters, setFilters] = useState<Filters>({});
  const list = useInfiniteQuery({
    queryKey: ["webhooks", webhook, "deliveries", filters],
    queryFn: ({ pageParam }) =>
      ask(
        listAWebhookDeliveries({
          path: { webhook },
          query: { limit: 30, ...queryOf(filters), ...(pageParam ? { cursor: pageParam } : {}) },
        }),
      ),
    ...byCursor,
    placeholderData: (before) => before,
    refetchInterval: (q) => (q.state.data?.pages.length === 1 ? look : false), // who reads on is not disturbed
  });
  const all = flat(list.data);
  const narrowed = Object.values(filters).some(Boolean);
  return (
    <Card withBorder radius="lg" p="lg">
      <Title order={2} fz={18} mb="sm">
        {t("deliveries.title")}
      </Title>
      <DeliveryFilters value={filters} onChange={setFilters} />
      <TroubleNote error={list.error} />
      {list.isPending && <Skeleton h={240} />}
      {list.isSuccess && all.length === 0 && <Text c="dimmed">{t(narrowed ? "deliveries.nomatch" : "deliveries.none")}</Text>}
      <Accordion chevronPosition="left" variant="default">
        {all.map((d) => (
          <Row key={d.id} delivery={d} />
        ))}
      </Accordion>
      {list.hasNextPage && (
        <Button mt="sm" variant="default" onClick={() => void list.fetchNextPage()} loading={list.isFetchingNextPage}>
          {t("loadmore")}
        </Button>
      )}
    </Card>
  );
}

function Row({ delivery: d }: { delivery: Delivery }) {
  return (
    <Accordion.Item value={d.id}>
      <Accordion.Control>
        <DeliveryHead delivery={d} />
      </Accordion.Control>
      <Accordion.Panel>
        <Attempts delivery={d} />
      </Accordion.Panel>
    </Accordion.Item>
  );
}
