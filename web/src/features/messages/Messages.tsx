import { Button, Group, Skeleton, Stack } from "@mantine/core";
import { IconDownload, IconFilterOff, IconInbox, IconLock, IconSearchOff } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { Empty } from "@/components/Empty";
import { MessageDrawer } from "@/components/MessageDrawer";
import { PageHead } from "@/components/PageHead";
import { complain, TroubleNote } from "@/components/TroubleNote";
import { FilterBar } from "@/features/messages/FilterBar";
import { type Filters, filtered, noFilters, type Place, readFilters, readPlace, toSearch } from "@/features/messages/filters";
import "@/features/messages/messages.css";
import { Pager } from "@/features/messages/Pager";
import { exported, tableQuery } from "@/features/messages/queries";
import { Rows } from "@/features/messages/Rows";
import { SelectedBar } from "@/features/messages/SelectedBar";
import { useNewer } from "@/features/messages/useNewer";
import { useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";
import { save } from "@/lib/save";

/** The operator's table: every message, and what became of it. */
export function Page() {
  const { t } = useT();
  if (!useMay()("messages:read")) return <Empty icon={IconLock} title={t("messages.closed.title")} text={t("messages.closed.text")} />;
  return <Messages />;
}

function Messages() {
  const { t } = useT();
  const allowed = useMay();
  const cache = useQueryClient();
  const { filters, place, go } = useAddress();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const table = useQuery(tableQuery(filters, place.at));
  const newer = useNewer(filters, table.isSuccess && !table.data.prev);
  const rows = table.data?.data ?? [];
  const move = (f: Filters, p: Partial<Place>) => {
    setSelected(new Set());
    go(f, p);
  };
  const toNewest = () => {
    newer.seen();
    if (place.at) move(filters, {});
    void cache.invalidateQueries({ queryKey: ["table", filters, ""] });
  };
  return (
    <>
      <PageHead title={t("messages.title")} text={t("messages.text")}>
        {allowed("messages:export") && <Export filters={filters} />}
      </PageHead>
      <Stack>
        <FilterBar filters={filters} onChange={(f) => move(f, {})} />
        <TroubleNote error={table.error} />
        {table.error && place.at && (
          <Button variant="default" w="fit-content" onClick={toNewest}>
            {t("messages.tonewest")}
          </Button>
        )}
        {table.isPending && <Skeleton h={480} radius="lg" />}
        {table.isSuccess && rows.length === 0 && <Nothing filtered={filtered(filters)} onClear={() => move(noFilters, {})} />}
        {rows.length > 0 && (
          <>
            <SelectedBar rows={rows} selected={selected} onClear={() => setSelected(new Set())} />
            <Rows
              rows={rows}
              names={table.data?.names ?? {}}
              stale={table.isPlaceholderData}
              selected={allowed("messages:write") ? selected : undefined}
              onSelect={setSelected}
              onOpen={(open) => go(filters, { ...place, open })}
            />
          </>
        )}
        {table.data && <Pager list={table.data} news={newer.count} onMove={(at) => move(filters, { at })} onNewest={toNewest} />}
      </Stack>
      <MessageDrawer id={place.open || undefined} onClose={() => go(filters, { ...place, open: "" })} link />
    </>
  );
}

// Filters, page and open message are the address.
function useAddress() {
  const search = useSearch({ strict: false }) as Record<string, unknown>;
  const navigate = useNavigate();
  const place = readPlace(search);
  // The same filters are the same object: the page and the open message are no filters.
  const written = JSON.stringify(toSearch(readFilters(search)));
  const filters = useMemo(() => readFilters(JSON.parse(written)), [written]);
  // Another page begins at its top; a message that opens leaves the table where it is.
  const go = (f: Filters, p: Partial<Place>) =>
    void navigate({ to: "/messages", search: toSearch(f, p) as never, resetScroll: (p.at ?? "") !== place.at });
  return { filters, place, go };
}

function Export({ filters }: { filters: Filters }) {
  const { t } = useT();
  const make = useMutation({
    mutationFn: async () => save(await exported(filters), "messages.csv"),
    onError: complain,
  });
  return (
    <Button variant="default" leftSection={<IconDownload size={17} />} onClick={() => make.mutate()} loading={make.isPending}>
      {t("messages.export")}
    </Button>
  );
}

function Nothing({ filtered: some, onClear }: { filtered: boolean; onClear: () => void }) {
  const { t } = useT();
  if (some) {
    return (
      <Empty icon={IconSearchOff} title={t("messages.none.title")} text={t("messages.none.text")}>
        <Button variant="default" leftSection={<IconFilterOff size={17} />} onClick={onClear}>
          {t("messages.clear")}
        </Button>
      </Empty>
    );
  }
  return (
    <Empty icon={IconInbox} title={t("messages.empty.title")} text={t("messages.empty.text")}>
      <Group>
        <Button component={Link} to="/inbox">
          {t("messages.empty.inbox")}
        </Button>
      </Group>
    </Empty>
  );
}
