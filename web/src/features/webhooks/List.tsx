import { Badge, Button, Card, Code, Group, Skeleton, Stack, Text } from "@mantine/core";
import { IconPlus, IconWebhook } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { type Endpoint, listWebhooks } from "@/api/generated";
import { Empty } from "@/components/Empty";
import { PageHead } from "@/components/PageHead";
import { TroubleNote } from "@/components/TroubleNote";
import { CallbackSecret } from "@/features/webhooks/CallbackSecret";
import { Create } from "@/features/webhooks/Create";
import { EndpointState, nameOf } from "@/features/webhooks/EndpointState";
import { look } from "@/features/webhooks/queries";
import { moment, when } from "@/lib/format";
import { useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";
import { byCursor, flat } from "@/lib/pages";
import { ask } from "@/lib/trouble";

export function Page() {
  const { t } = useT();
  const allowed = useMay();
  const list = useInfiniteQuery({
    queryKey: ["webhooks", "list"],
    queryFn: ({ pageParam }) => ask(listWebhooks({ query: { limit: 50, ...(pageParam ? { cursor: pageParam } : {}) } })),
    ...byCursor,
    refetchInterval: look,
  });
  const [creating, setCreating] = useState(false);
  const all = flat(list.data);
  const add = allowed("webhooks:write") && (
    <Button leftSection={<IconPlus size={18} />} onClick={() => setCreating(true)}>
      {t("hooks.add")}
    </Button>
  );
  return (
    <>
      <PageHead title={t("nav.webhooks")} text={t("hooks.text")}>
        {all.length > 0 && add}
      </PageHead>
      <TroubleNote error={list.error} />
      {list.isPending && <Skeleton h={240} radius="lg" />}
      {list.isSuccess && all.length === 0 && (
        <Empty icon={IconWebhook} title={t("hooks.empty.title")} text={t("hooks.empty.text")}>
          {add}
        </Empty>
      )}
      <Stack>
        {all.map((e) => (
          <Row key={e.id} endpoint={e} />
        ))}
        {list.hasNextPage && (
          <Button w="fit-content" variant="default" onClick={() => void list.fetchNextPage()} loading={list.isFetchingNextPage}>
            {t("loadmore")}
          </Button>
        )}
      </Stack>
      {list.isSuccess && allowed("webhooks:secret") && <CallbackSecret />}
      {creating && <Create onClose={() => setCreating(false)} />}
    </>
  );
}

function Row({ endpoint: e }: { endpoint: Endpoint }) {
  const { t } = useT();
  return (
    <Card withBorder radius="lg" component={Link} to="/webhooks/$webhook" params={{ webhook: e.id } as never} c="inherit" td="none">
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <Stack gap={6} miw={0}>
          <Text fw={650} lineClamp={2} className="anywhere">
            {nameOf(e)}
          </Text>
          <Code className="anywhere" w="fit-content">
            {e.url}
          </Code>
          <Group gap={6}>
            {e.events.slice(0, 6).map((name) => (
              <Badge key={name} variant="default" tt="none" fw={500}>
                {name === "*" ? t("hooks.all") : name}
              </Badge>
            ))}
            {e.events.length > 6 && <Text size="xs">+{e.events.length - 6}</Text>}
          </Group>
          <LastHeard endpoint={e} />
        </Stack>
        <EndpointState endpoint={e} />
      </Group>
    </Card>
  );
}

function LastHeard({ endpoint: e }: { endpoint: Endpoint }) {
  const { t, language } = useT();
  const { last_success_at: good, last_failure_at: bad } = e.health;
  const failed = bad !== undefined && (good === undefined || bad > good);
  const at = failed ? bad : good;
  if (!at) return null;
  return (
    <Text size="xs" c="dimmed" title={when(at, language)}>
      {t(failed ? "hooks.last.bad" : "hooks.last.good", { when: moment(at, language) })}
    </Text>
  );
}
