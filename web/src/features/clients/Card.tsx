import { Button, Card, Group, Skeleton, Stack, Text } from "@mantine/core";
import { IconQrcode, IconServer2 } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { Client, ClientHealth } from "@/api/generated";
import { Avatar } from "@/components/Avatar";
import { ClientState, unpaired } from "@/components/ClientState";
import { speaksForItself } from "@/features/clients/groups";
import { Score } from "@/features/clients/Score";
import { UseBars } from "@/features/clients/UseBars";
import { Waiting } from "@/features/clients/Waiting";
import { moment, phone, when } from "@/lib/format";
import { useT } from "@/lib/i18n";

interface Props {
  client: Client;
  /** Absent while it is not known, and for who may not know. */
  health: ClientHealth | undefined;
  /** Health is on its way. */
  asking: boolean;
  /** Absent where the user may not pair. */
  onPair: (() => void) | undefined;
}

/** One number among the others: what it is, how it is, what waits for it. */
export function ClientCard({ client: c, health, asking, onPair }: Props) {
  const { t, word, language } = useT();
  const linked = !unpaired(c);
  return (
    <Card withBorder radius="lg" p="lg" component="article" aria-label={c.name}>
      <Stack gap="md" h="100%" justify="space-between">
        <Stack gap="md">
          <Group wrap="nowrap" align="flex-start">
            <Avatar name={c.name} size={44} />
            <Stack gap={2} miw={0} flex={1}>
              <Text component={Link} to="/clients/$client" params={{ client: c.id } as never} fw={650} truncate c="inherit" td="none">
                {c.name}
              </Text>
              {(c.phone || unpaired(c)) && (
                <Text size="sm" c="dimmed" truncate>
                  {c.phone ? phone(c.phone) : t("clients.nophone")}
                </Text>
              )}
            </Stack>
            {linked && health && <Score health={health} />}
          </Group>
          <Stack gap={6} align="flex-start">
            <ClientState client={c} />
            <Text size="sm" c="dimmed" lineClamp={2}>
              {speaksForItself(c.status)
                ? t("clients.since", { when: moment(c.status_at, language) })
                : [word("why", c.status, c.status_reason), c.until && `${t("facts.until")}: ${when(c.until, language)}`]
                    .filter(Boolean)
                    .join(" ")}
            </Text>
          </Stack>
          {linked && asking && <Skeleton h={72} />}
          {linked && health && <UseBars use={health.use} brief />}
          {health && (linked || (health.lanes ?? []).some((l) => l.queued > 0)) && <Waiting health={health} />}
        </Stack>
        <Group gap="xs" justify="space-between">
          <Group gap="xs">
            {unpaired(c) && c.status !== "banned" && onPair && (
              <Button size="sm" leftSection={<IconQrcode size={17} />} onClick={onPair}>
                {t("pair.action")}
              </Button>
            )}
            <Button
              size="sm"
              variant="default"
              component={Link}
              to="/clients/$client"
              params={{ client: c.id } as never}
              aria-label={t("clients.open.of", { name: c.name })}
            >
              {t("clients.open")}
            </Button>
          </Group>
          {linked && health?.worker && (
            <Group gap={4} wrap="nowrap" c="dimmed" title={t("worker.title")} miw={0}>
              <IconServer2 size={15} aria-hidden />
              <Text size="xs" truncate>
                {health.worker.name}
              </Text>
            </Group>
          )}
        </Group>
      </Stack>
    </Card>
  );
}
