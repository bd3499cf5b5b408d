import { Alert, Anchor, Code, Group, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle, IconArrowLeft } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import type { Endpoint } from "@/api/generated";
import { TroubleNote } from "@/components/TroubleNote";
import { Actions } from "@/features/webhooks/Actions";
import { Deliveries } from "@/features/webhooks/Deliveries";
import { EndpointState, nameOf } from "@/features/webhooks/EndpointState";
import { webhookQuery } from "@/features/webhooks/queries";
import { Settings } from "@/features/webhooks/Settings";
import { when } from "@/lib/format";
import { useT } from "@/lib/i18n";
import { said } from "@/lib/said";

export function Page() {
  const { t } = useT();
  const { webhook: id } = useParams({ strict: false }) as { webhook: string };
  const got = useQuery(webhookQuery(id));
  return (
    <Stack maw={1000}>
      <Anchor component={Link} to="/webhooks" size="sm" w="fit-content">
        <Group gap={4}>
          <IconArrowLeft size={16} aria-hidden />
          {t("nav.webhooks")}
        </Group>
      </Anchor>
      <TroubleNote error={got.error} />
      {got.isPending && <Skeleton h={320} radius="lg" />}
      {got.data && (
        <>
          <Head endpoint={got.data} />
          <Settings endpoint={got.data} />
          <Deliveries webhook={id} />
        </>
      )}
    </Stack>
  );
}

function Head({ endpoint: e }: { endpoint: Endpoint }) {
  return (
    <>
      <Group justify="space-between" align="flex-start">
        <Stack gap={6} miw={0} flex={1}>
          <Group gap="sm">
            <Title order={1} fz={{ base: 22, sm: 26 }} className="anywhere">
              {nameOf(e)}
            </Title>
            <EndpointState endpoint={e} />
          </Group>
          <Code className="anywhere" w="fit-content">
            {e.url}
          </Code>
        </Stack>
        <Actions endpoint={e} />
      </Group>
      <Off endpoint={e} />
      <Slowed endpoint={e} />
    </>
  );
}

function Off({ endpoint: e }: { endpoint: Endpoint }) {
  const words = useT();
  const { t, language } = words;
  if (e.enabled) return null;
  return (
    <Alert color="orange" icon={<IconAlertTriangle />} title={t("hooks.off.title", { when: when(e.disabled_at, language) })}>
      {e.disabled_reason && (
        <Text size="sm" className="anywhere" c="var(--mantine-color-text)">
          {t("hooks.off.reason", { reason: said(e.disabled_reason, words) })}
        </Text>
      )}
      <Text size="sm" c="var(--mantine-color-text)">
        {t("hooks.off.text")}
      </Text>
    </Alert>
  );
}

function Slowed({ endpoint: e }: { endpoint: Endpoint }) {
  const { t, language } = useT();
  if (!e.enabled || e.health.state === "ok") return null;
  return (
    <Alert color={e.health.state === "open" ? "red" : "orange"} icon={<IconAlertTriangle />}>
      <Text size="sm" c="var(--mantine-color-text)">
        {t("hooks.failing.since", { when: when(e.health.failing_since ?? e.health.last_failure_at, language) })}{" "}
        {e.health.state === "open" && t("hooks.failing.open")}
      </Text>
    </Alert>
  );
}
