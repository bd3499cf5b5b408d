import { Badge, Card, Group } from "@mantine/core";
import type { Endpoint } from "@/api/generated";
import { Facts } from "@/components/Facts";
import { when } from "@/lib/format";
import { useT } from "@/lib/i18n";
import { numberName, useNumbers } from "@/lib/numbers";

/** What is set of an endpoint, and how it has been doing. */
export function Settings({ endpoint: e }: { endpoint: Endpoint }) {
  const { t, word, language } = useT();
  const filter = (values: string[] | undefined, prefix: string) => values?.map((v) => word(prefix, v)).join(", ");
  return (
    <Card withBorder radius="lg" p="lg">
      <Facts
        rows={[
          [t("hooks.events"), <Events key="events" endpoint={e} />],
          [t("hooks.clients"), (e.clients?.length ?? 0) > 0 && <Numbers ids={e.clients ?? []} />],
          [t("hooks.direction"), filter(e.directions, "hooks.direction")],
          [t("hooks.chats"), filter(e.chat_kinds, "hooks.chats")],
          [t("hooks.payload"), t(e.payload === "thin" ? "hooks.payload.thin" : "hooks.payload.full")],
          [t("hooks.ordered"), e.ordered && t("hooks.ordered.fact", { n: e.batch })],
          [t("hooks.rate"), e.rate],
          [t("hooks.inflight"), e.max_in_flight],
          [t("hooks.timeout"), e.timeout_ms / 1000],
          [t("hooks.headers"), Object.keys(e.headers ?? {}).join(", ")],
          [t("hooks.pending"), e.health.pending ?? 0],
          [t("hooks.success"), when(e.health.last_success_at, language)],
          [t("hooks.failure"), when(e.health.last_failure_at, language)],
        ]}
      />
    </Card>
  );
}

function Events({ endpoint: e }: { endpoint: Endpoint }) {
  const { t } = useT();
  return (
    <Group gap={6}>
      {e.events.map((name) => (
        <Badge key={name} variant="default" tt="none" fw={500}>
          {name === "*" ? t("hooks.all") : name}
        </Badge>
      ))}
    </Group>
  );
}

function Numbers({ ids }: { ids: string[] }) {
  const numbers = useNumbers();
  const name = (id: string) => numbers.filter((c) => c.id === id).map(numberName)[0] || id;
  return <span className="anywhere">{ids.map(name).join(", ")}</span>;
}
