import { Drawer, Group, NavLink, Stack, Text, UnstyledButton } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconDots } from "@tabler/icons-react";
import { Link, useMatchRoute } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Place, PlaceGroup } from "@/app/places";
import { useT } from "@/lib/i18n";

// Of the bottom bar of a phone; the rest is under "More".
const barHolds = 4;

interface Props {
  groups: PlaceGroup[];
}

/** The places by group, at the side or in the drawer of a phone. */
export function SideNavigation({ groups, onPick }: Props & { onPick?: () => void }) {
  const { t } = useT();
  const active = useActive();
  return groups.map((g) => (
    <Stack key={g.label} gap={4} mb="md">
      <Text size="xs" c="dimmed" fw={600} px="sm">
        {t(g.label)}
      </Text>
      {g.places.map((p) => (
        <NavLink
          key={p.to}
          component={Link}
          to={p.to}
          onClick={() => onPick?.()}
          label={t(p.label)}
          leftSection={<p.icon size={20} stroke={1.7} aria-hidden />}
          active={active(p)}
          bdrs="md"
        />
      ))}
    </Stack>
  ));
}

/** The first places in a bar below, for thumbs. */
export function BottomNavigation({ groups }: Props) {
  const { t } = useT();
  const active = useActive();
  const [open, drawer] = useDisclosure(false);
  const all = groups.flatMap((g) => g.places);
  const bar = all.length > barHolds + 1 ? all.slice(0, barHolds) : all;
  const rest = all.slice(bar.length);
  return (
    <>
      <Group h="100%" grow gap={0} component="nav" aria-label={t("nav.label")}>
        {bar.map((p) => (
          <UnstyledButton component={Link} to={p.to} key={p.to} aria-current={active(p) ? "page" : undefined} h="100%">
            <Tab label={t(p.label)} active={active(p)}>
              <p.icon size={22} stroke={1.7} aria-hidden />
            </Tab>
          </UnstyledButton>
        ))}
        {rest.length > 0 && (
          <UnstyledButton onClick={drawer.open} h="100%" aria-haspopup="dialog">
            <Tab label={t("nav.group.more")} active={rest.some(active)}>
              <IconDots size={22} stroke={1.7} aria-hidden />
            </Tab>
          </UnstyledButton>
        )}
      </Group>
      <Drawer
        opened={open}
        onClose={drawer.close}
        position="bottom"
        size="auto"
        title={t("nav.group.more")}
        closeButtonProps={{ "aria-label": t("close") }}
      >
        <SideNavigation groups={without(groups, bar)} onPick={drawer.close} />
      </Drawer>
    </>
  );
}

function Tab({ label, active, children }: { label: string; active: boolean; children: ReactNode }) {
  return (
    <Stack align="center" justify="center" gap={2} h="100%" c={active ? "var(--mantine-primary-color-light-color)" : "dimmed"}>
      {children}
      <Text size="xs" fw={active ? 600 : 400} truncate maw="100%">
        {label}
      </Text>
    </Stack>
  );
}

function useActive(): (p: Place) => boolean {
  const here = useMatchRoute();
  return (p) => Boolean(here({ to: p.to, fuzzy: p.to !== "/" }));
}

function without(groups: PlaceGroup[], taken: Place[]): PlaceGroup[] {
  return groups.map((g) => ({ ...g, places: g.places.filter((p) => !taken.includes(p)) })).filter((g) => g.places.length > 0);
}
