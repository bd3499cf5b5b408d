import { Accordion, Button, Card, Skeleton, Stack, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { searchTheAuditLog } from "@/api/generated";
import { PageHead } from "@/components/PageHead";
import { TroubleNote } from "@/components/TroubleNote";
import { Export } from "@/features/audit/Export";
import { FilterBar } from "@/features/audit/FilterBar";
import { type Filters, queryOf } from "@/features/audit/filters";
import { Line } from "@/features/audit/Line";
import { useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";
import { byCursor, flat } from "@/lib/pages";
import { ask } from "@/lib/trouble";

const settled = 300; // milliseconds without typing before the log is asked

export function Page() {
  const { t } = useT();
  const allowed = useMay();
  const [filters, setFilters] = useState<Filters>({});
  const [asked] = useDebouncedValue(filters, settled);
  const query = queryOf(asked);
  const list = useInfiniteQuery({
    queryKey: ["audit", query],
    queryFn: ({ pageParam }) => ask(searchTheAuditLog({ query: { limit: 50, ...query, ...(pageParam ? { cursor: pageParam } : {}) } })),
    ...byCursor,
    placeholderData: (before) => before,
    staleTime: 0,
  });
  const all = flat(list.data);
  const put = (change: Filters) => setFilters((f) => ({ ...f, ...change }));
  return (
    <>
      <PageHead title={t("audit.title")} text={t("audit.text")}>
        {allowed("audit:export") && <Export query={queryOf(filters)} />}
      </PageHead>
      <Stack>
        <FilterBar value={filters} onChange={put} onClear={() => setFilters({})} />
        <TroubleNote error={list.error} />
        {list.isPending && <Skeleton h={420} radius="lg" />}
        {list.isSuccess && (
          <Card withBorder radius="lg" p={0}>
            {all.length === 0 && (
              <Text c="dimmed" p="lg">
                {t("audit.none")}
              </Text>
            )}
            <Accordion chevronPosition="left" variant="default">
              {all.map((l) => (
                <Line key={l.id} line={l} onNarrow={put} />
              ))}
            </Accordion>
          </Card>
        )}
        {list.hasNextPage && (
          <Button w="fit-content" variant="default" onClick={() => void list.fetchNextPage()} loading={list.isFetchingNextPage}>
            {t("loadmore")}
          </Button>
        )}
        <Text size="sm" c="dimmed">
          {t("audit.chain")}
        </Text>
      </Stack>
    </>
  );
}
