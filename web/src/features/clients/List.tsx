import { Button, Center, Group, Menu, SimpleGrid, Skeleton, Text } from "@mantine/core";
import { IconDeviceMobile, IconDots, IconHandStop, IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import type { Client } from "@/api/generated";
import { Empty } from "@/components/Empty";
import { PageHead } from "@/components/PageHead";
import { StopDialog } from "@/components/StopDialog";
import { stopsQuery } from "@/components/stops";
import { TroubleNote } from "@/components/TroubleNote";
import { ClientCard } from "@/features/clients/Card";
import { Create } from "@/features/clients/Create";
import { Filters, type Wanted } from "@/features/clients/Filters";
import { groupOf, inOrder, matches } from "@/features/clients/groups";
import { Pairing } from "@/features/clients/Pairing";
import { healthsQuery } from "@/features/clients/queries";
import { clientsQuery } from "@/lib/clients";
import { useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";

// From how many numbers on one looks for one of them, and how many cards are drawn at once.
const many = 5;
const atOnce = 60;

export function Page() {
  const { t } = useT();
  const allowed = useMay();
  const list = useQuery(clientsQuery);
  const [dialog, setDialog] = useAdding();
  const [pairing, setPairing] = useState<Client>();
  const all = list.data?.data ?? [];
  const add = allowed("clients:write") && (
    <Button leftSection={<IconPlus size={18} />} onClick={() => setDialog("create")}>
      {t("clients.add")}
    </Button>
  );
  return (
    <>
      <PageHead title={t("nav.clients")} text={t("clients.text")}>
        {all.length > 0 && (
          <Group gap="xs">
            {add}
            <StopAll onStop={() => setDialog("stop")} />
          </Group>
        )}
      </PageHead>
      <TroubleNote error={list.error} />
      {list.isPending && <Waiting />}
      {list.isSuccess && all.length === 0 && (
        <Empty
          icon={IconDeviceMobile}
          title={t(add ? "clients.empty.title" : "clients.empty.none")}
          text={t(add ? "clients.empty.text" : "clients.empty.ask")}
        >
          {add}
        </Empty>
      )}
      {all.length > 0 && <Numbers all={all} onPair={allowed("clients:write") ? setPairing : undefined} />}
      {dialog === "create" && (
        <Create
          onClose={() => setDialog(undefined)}
          onCreated={(c) => {
            setDialog(undefined);
            setPairing(c);
          }}
        />
      )}
      {dialog === "stop" && <StopDialog onClose={() => setDialog(undefined)} />}
      {pairing && <Pairing client={pairing} onClose={() => setPairing(undefined)} />}
    </>
  );
}

/** Which dialog is open; the address may ask for the one that adds a number, once. */
function useAdding() {
  const { add } = useSearch({ strict: false }) as { add?: true };
  const navigate = useNavigate();
  const mayAdd = useMay()("clients:write");
  const state = useState<"create" | "stop" | undefined>(add && mayAdd ? "create" : undefined);
  useEffect(() => {
    if (add) void navigate({ to: "/clients", replace: true });
  }, [add, navigate]);
  return state;
}

function Numbers({ all, onPair }: { all: Client[]; onPair: ((c: Client) => void) | undefined }) {
  const { t } = useT();
  const inspects = useMay()("clients:inspect");
  const healths = useQuery({ ...healthsQuery, enabled: inspects });
  const [wanted, setWanted] = useState<Wanted>({ text: "", group: "all" });
  const [drawn, setDrawn] = useState(atOnce);
  const found = inOrder(all).filter((c) => matches(c, wanted.text) && (wanted.group === "all" || groupOf(c) === wanted.group));
  const byId = new Map(healths.data?.data.map((h) => [h.client_id, h]));
  return (
    <>
      {all.length > many && <Filters all={all} wanted={wanted} onChange={setWanted} />}
      {found.length === 0 && (
        <Text c="dimmed" ta="center" py="xl">
          {t("clients.nomatch")}
        </Text>
      )}
      <SimpleGrid cols={{ base: 1, xs: 2, lg: 3 }}>
        {found.slice(0, drawn).map((c) => (
          <ClientCard
            key={c.id}
            client={c}
            health={byId.get(c.id)}
            asking={inspects && healths.isPending}
            onPair={onPair && (() => onPair(c))}
          />
        ))}
      </SimpleGrid>
      {found.length > drawn && (
        <Center pt="md">
          <Button variant="default" onClick={() => setDrawn((n) => n + atOnce)}>
            {t("loadmore")}
          </Button>
        </Center>
      )}
    </>
  );
}

/** Stops the whole organisation; not where everybody's thumb is. */
function StopAll({ onStop }: { onStop: () => void }) {
  const { t } = useT();
  const allowed = useMay();
  const stops = useQuery(stopsQuery);
  const held = stops.data?.data?.some((s) => s.scope !== "client");
  if (!allowed("stop:write") || held) return null;
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="default" px="xs" aria-label={t("client.more")}>
          <IconDots size={20} />
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item c="var(--mantine-color-error)" leftSection={<IconHandStop size={16} />} onClick={onStop}>
          {t("stop.org")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function Waiting() {
  return (
    <SimpleGrid cols={{ base: 1, xs: 2, lg: 3 }} aria-busy>
      {[1, 2, 3].map((n) => (
        <Skeleton key={n} h={260} radius="lg" />
      ))}
    </SimpleGrid>
  );
}
