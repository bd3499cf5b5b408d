import { Card, Group, SimpleGrid, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconArrowDownLeft, IconArrowUpRight, IconMessage } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Now } from "@/features/home/queries";
import { share } from "@/features/home/series";
import { count, percent } from "@/lib/format";
import { useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";

/** The figures of today, each with the way to what is behind it. */
export function Figures({ overview: o }: { overview: Now }) {
  const { t, language } = useT();
  const reads = useMay()("messages:read");
  const of = (part: number) => percent(share(part, o.today.sent) ?? 0, language);
  return (
    <SimpleGrid cols={{ base: 2, md: 4 }}>
      <Figure
        label={t("home.sent")}
        value={o.today.accepted}
        icon={IconArrowUpRight}
        to={reads ? { to: "/messages", search: { direction: "outbound", since: o.today.since } } : undefined}
        note={o.today.sent > 0 ? t("home.sent.note", { delivered: of(o.today.delivered), read: of(o.today.read) }) : t("home.sent.none")}
      />
      <Figure
        label={t("home.received")}
        value={o.today.received}
        icon={IconArrowDownLeft}
        to={reads ? { to: "/messages", search: { direction: "inbound", since: o.today.since } } : undefined}
        note={t("home.received.note")}
      />
      <Figure
        label={t("home.unread")}
        value={o.unread_chats}
        icon={IconMessage}
        to={reads ? { to: "/inbox", search: {} } : undefined}
        note={t(o.unread_chats > 0 ? "home.unread.note" : "home.unread.none")}
      />
      <Figure
        label={t("home.failed")}
        value={o.today.failed}
        icon={IconAlertTriangle}
        to={reads ? { to: "/messages", search: { status: "failed", since: o.today.since } } : undefined}
        note={t(o.today.failed > 0 ? "home.failed.note" : "home.failed.none")}
        alarming={o.today.failed > 0}
      />
    </SimpleGrid>
  );
}

interface FigureProps {
  label: string;
  value: number;
  note: string;
  icon: typeof IconMessage;
  to: { to: string; search: Record<string, unknown> } | undefined;
  alarming?: boolean;
}

function Figure({ label, value, note, icon: Icon, to, alarming }: FigureProps) {
  const { language } = useT();
  return (
    <Linked to={to}>
      <Group justify="space-between" wrap="nowrap" align="flex-start" gap="xs">
        <Text size="sm" c="dimmed">
          {label}
        </Text>
        <Icon size={18} stroke={1.7} aria-hidden />
      </Group>
      <Stack gap={2}>
        <Text fz={30} fw={700} lh={1.15} c={alarming ? "light-dark(#c92a2a, #ff8787)" : undefined}>
          {count(value, language)}
        </Text>
        <Text size="xs" c="dimmed">
          {note}
        </Text>
      </Stack>
    </Linked>
  );
}

function Linked({ to, children }: { to: FigureProps["to"]; children: ReactNode }) {
  const inside = <Stack gap="xs">{children}</Stack>;
  if (!to) {
    return (
      <Card withBorder radius="lg" p={{ base: "md", sm: "lg" }}>
        {inside}
      </Card>
    );
  }
  return (
    <Card
      withBorder
      radius="lg"
      p={{ base: "md", sm: "lg" }}
      component={Link}
      to={to.to}
      search={to.search as never}
      c="inherit"
      td="none"
      className="lift"
    >
      {inside}
    </Card>
  );
}
