import { Anchor, Button, CloseButton, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useCallback } from "react";
import type { Client } from "@/api/generated";
import { unpaired } from "@/components/ClientState";
import { Quiet } from "@/features/home/Quiet";
import { anyMessageQuery, type Now } from "@/features/home/queries";
import { Step } from "@/features/home/Step";
import { useHidden } from "@/features/home/useHidden";
import { clientsQuery } from "@/lib/clients";
import { useT } from "@/lib/i18n";
import { useHeard } from "@/lib/live";
import { useMay } from "@/lib/me";
import { usePocketPhone } from "@/lib/setup";

/** Leads the newcomer from nothing to the first answer; gone when it is done. */
export function Start({ overview: o }: { overview: Now }) {
  const allowed = useMay();
  const guides = allowed("clients:write") && allowed("messages:send");
  const clients = useQuery({ ...clientsQuery, enabled: guides });
  const wrote = useQuery({ ...anyMessageQuery, enabled: guides });
  const [hidden, hide] = useHidden("chasqui.start.hidden");
  const cache = useQueryClient();
  useHeard(useCallback(() => void cache.setQueryData(anyMessageQuery.queryKey, true), [cache]));
  if (!guides) return <Quiet overview={o} />;
  const all = clients.data?.data;
  if (!all || wrote.data === undefined || hidden) return null;
  const hooks = o.webhooks ? o.webhooks.healthy + o.webhooks.failing + o.webhooks.disabled : 0;
  const done = [all.length > 0, all.some((c) => !unpaired(c)), wrote.data, hooks > 0];
  return done.every(Boolean) ? null : <Steps done={done} waiting={all.find(unpaired)} onHide={done[1] ? hide : undefined} />;
}

interface StepsProps {
  /** Of each step, whether it is behind. */
  done: boolean[];
  /** A number that is not linked yet. */
  waiting: Client | undefined;
  onHide: (() => void) | undefined;
}

function Steps({ done, waiting, onHide }: StepsProps) {
  const { t } = useT();
  const pocket = usePocketPhone();
  const next = done.indexOf(false);
  const state = (n: number) => ({ n: n + 1, done: done[n] ?? false, current: next === n });
  return (
    <Paper withBorder radius="lg" p="lg" component="section" aria-label={t("start.title")}>
      <Group justify="space-between" wrap="nowrap" align="flex-start" mb="md">
        <Stack gap={2}>
          <Title order={2} fz={20}>
            {t("start.title")}
          </Title>
          <Text size="sm" c="dimmed">
            {t("start.text")}
          </Text>
        </Stack>
        {onHide && <CloseButton aria-label={t("start.hide")} onClick={onHide} />}
      </Group>
      <Stack gap="lg" component="ol" m={0} p={0} className="plain">
        <Step {...state(0)} title={t("start.add")} text={t("start.add.text")}>
          <Button component={Link} to="/clients" search={{ add: true } as never} size="sm">
            {t("start.add.action")}
          </Button>
        </Step>
        <Step {...state(1)} title={t("start.link")} text={t(pocket ? "start.link.pocket" : "start.link.text")}>
          <LinkActions waiting={waiting} />
        </Step>
        <Step {...state(2)} title={t("start.write")} text={t("start.write.text")}>
          <Button component={Link} to="/inbox" size="sm">
            {t("start.write.action")}
          </Button>
        </Step>
        <Step {...state(3)} title={t("start.connect")} text={t("start.connect.text")}>
          <ConnectActions />
        </Step>
      </Stack>
    </Paper>
  );
}

function LinkActions({ waiting }: { waiting: Client | undefined }) {
  const { t } = useT();
  const pocket = usePocketPhone();
  return (
    <>
      {waiting && (
        <Button component={Link} to="/clients/$client" params={{ client: waiting.id } as never} search={{ link: true } as never} size="sm">
          {t("start.link.action")}
        </Button>
      )}
      {pocket && (
        <Button component="a" href={pocket} target="_blank" rel="noreferrer" variant="default" size="sm">
          {t("start.pocket")}
        </Button>
      )}
    </>
  );
}

function ConnectActions() {
  const { t } = useT();
  const allowed = useMay();
  return (
    <>
      <Button component={Link} to="/webhooks" size="sm">
        {t("start.connect.hook")}
      </Button>
      {allowed("keys:write") && (
        <Button component={Link} to="/keys" variant="default" size="sm">
          {t("start.connect.key")}
        </Button>
      )}
      {allowed("org:read") && (
        <Anchor component={Link} to="/developers" size="sm">
          {t("start.connect.code")}
        </Anchor>
      )}
    </>
  );
}
