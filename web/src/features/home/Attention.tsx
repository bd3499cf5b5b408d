import { Anchor, Group, Stack, Text, ThemeIcon } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconDeviceMobile, IconWebhook } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Client, Endpoint, Message } from "@/api/generated";
import { Section } from "@/components/Section";
import { failedQuery, failingQuery, type Now } from "@/features/home/queries";
import { clientsQuery } from "@/lib/clients";
import { count, moment, phone } from "@/lib/format";
import { useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";
import { said } from "@/lib/said";

const shown = 4;
const troubled = ["restricted", "temp_banned", "logged_out", "replaced", "banned", "outdated", "stopped", "degraded"];

/** What somebody should look at; or that there is nothing. */
export function Attention({ overview: o }: { overview: Now }) {
  const { t } = useT();
  const allowed = useMay();
  const clients = useQuery({ ...clientsQuery, enabled: allowed("clients:read") });
  const failed = useQuery({ ...failedQuery, enabled: allowed("messages:read") });
  const failing = useQuery({
    ...failingQuery,
    enabled: allowed("webhooks:read") && Boolean(o.webhooks && o.webhooks.failing + o.webhooks.disabled > 0),
  });
  const numbers = (clients.data?.data ?? []).filter((c) => c.stopped || troubled.includes(c.status));
  const hooks = failing.data ?? [];
  const messages = failed.data ?? [];
  const nothing = numbers.length + hooks.length + messages.length === 0;
  return (
    <Section title={t("home.look")}>
      {nothing && (
        <Group gap="sm" wrap="nowrap">
          <ThemeIcon variant="light" radius="xl" size="lg">
            <IconCircleCheck size={20} aria-hidden />
          </ThemeIcon>
          <Text size="sm">{t("home.look.none")}</Text>
        </Group>
      )}
      {!nothing && (
        <Stack gap="sm" component="ul" m={0} p={0} className="plain">
          {numbers.slice(0, shown).map((c) => (
            <NumberRow key={c.id} client={c} />
          ))}
          <More count={numbers.length - shown} to="/clients" />
          {hooks.slice(0, shown).map((e) => (
            <HookRow key={e.id} endpoint={e} />
          ))}
          <More count={hooks.length - shown} to="/webhooks" />
          {messages.map((m) => (
            <MessageRow key={m.id} message={m} />
          ))}
        </Stack>
      )}
    </Section>
  );
}

function NumberRow({ client: c }: { client: Client }) {
  const words = useT();
  const { t, word } = words;
  return (
    <Row icon={IconDeviceMobile} color="orange" note={c.status_reason ? said(c.status_reason, words) : word("why", c.status)}>
      <Anchor component={Link} to="/clients/$client" params={{ client: c.id } as never} size="sm" fw={600}>
        {c.stopped ? t("home.look.halted", { name: c.name }) : `${c.name}: ${word("state", c.status)}`}
      </Anchor>
    </Row>
  );
}

function HookRow({ endpoint: e }: { endpoint: Endpoint }) {
  const words = useT();
  const { t } = words;
  const name = e.description || (URL.canParse(e.url) ? new URL(e.url).host : e.url);
  return (
    <Row icon={IconWebhook} color="red" note={e.disabled_reason ? said(e.disabled_reason, words) : t("home.look.hook.text")}>
      <Anchor component={Link} to="/webhooks/$webhook" params={{ webhook: e.id } as never} size="sm" fw={600}>
        {t(e.enabled ? "home.look.hook" : "home.look.hook.off", { name })}
      </Anchor>
    </Row>
  );
}

function MessageRow({ message: m }: { message: Message }) {
  const { t, word, language } = useT();
  const to = phone(m.to?.phone) || m.to?.input || t("feed.somebody");
  return (
    <Row
      icon={IconAlertTriangle}
      color="red"
      note={`${moment(m.updated_at, language)} · ${m.error ? word("fail", m.error.code, m.error.title) : word("status", m.status)}`}
    >
      <Anchor component={Link} to="/messages" search={{ status: "failed,expired", open: m.id } as never} size="sm" fw={600}>
        {t("home.look.message", { to })}
      </Anchor>
    </Row>
  );
}

interface RowProps {
  icon: typeof IconWebhook;
  color: string;
  note: string;
  children: ReactNode;
}

function Row({ icon: Icon, color, note, children }: RowProps) {
  return (
    <Group component="li" gap="sm" wrap="nowrap" align="flex-start">
      <ThemeIcon variant="light" color={color} radius="xl" size="md">
        <Icon size={16} aria-hidden />
      </ThemeIcon>
      <Stack gap={0} miw={0}>
        {children}
        <Text size="xs" c="dimmed" lineClamp={2}>
          {note}
        </Text>
      </Stack>
    </Group>
  );
}

function More({ count: n, to }: { count: number; to: string }) {
  const { t, language } = useT();
  if (n <= 0) return null;
  return (
    <li>
      <Anchor component={Link} to={to} size="sm">
        {t("home.look.more", { count: count(n, language) })}
      </Anchor>
    </li>
  );
}
