import {
  ActionIcon,
  AppShell,
  Box,
  Group,
  Menu,
  Text,
  Tooltip,
  UnstyledButton,
  useMantineColorScheme,
  VisuallyHidden,
} from "@mantine/core";
import { IconChevronDown, IconLogout, IconMoon, IconSun, IconUser } from "@tabler/icons-react";
import { Link, Outlet } from "@tanstack/react-router";
import { signOut } from "@/api/generated";
import { BottomNavigation, SideNavigation } from "@/app/Navigation";
import { reachable } from "@/app/places";
import { Avatar } from "@/components/Avatar";
import { Brand } from "@/components/Brand";
import { LanguageMenu } from "@/components/LanguageMenu";
import { LeavingBanner } from "@/components/LeavingBanner";
import { StopBanner } from "@/components/StopBanner";
import { useT } from "@/lib/i18n";
import { useLive } from "@/lib/live";
import { useMay, useMe } from "@/lib/me";
import { leave } from "@/lib/session";

/** The frame of every page: where one is, where one can go, who one is. */
export function Shell() {
  const { t } = useT();
  const allowed = useMay();
  const me = useMe();
  const hears = useLive(allowed("events:read") && !me.second_factor_due);
  const groups = me.second_factor_due ? [] : reachable(allowed);
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 220, breakpoint: "sm", collapsed: { mobile: true } }}
      footer={{ height: { base: 60, sm: 0 } }}
      padding={{ base: "md", sm: "lg" }}
    >
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap" miw={0}>
            <Brand />
            <Text c="dimmed" size="sm" truncate visibleFrom="xs">
              {me.org.name}
            </Text>
          </Group>
          <Group gap="xs" wrap="nowrap">
            {allowed("events:read") && <Pulse hears={hears} />}
            <SchemeSwitch />
            <LanguageMenu />
            <UserMenu />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="sm" aria-label={t("nav.label")}>
        <SideNavigation groups={groups} />
      </AppShell.Navbar>
      <AppShell.Main>
        {!me.second_factor_due && (me.org.deletion ? <LeavingBanner deletion={me.org.deletion} /> : <StopBanner />)}
        <Outlet />
      </AppShell.Main>
      <AppShell.Footer hiddenFrom="sm">
        <BottomNavigation groups={groups} />
      </AppShell.Footer>
    </AppShell>
  );
}

function Pulse({ hears }: { hears: boolean }) {
  const { t } = useT();
  const text = t(hears ? "live.on" : "live.off");
  return (
    <Tooltip label={text}>
      <Box role="status" aria-label={text} w={10} h={10} mx={6} bg={hears ? "jade.5" : "orange.6"} style={{ borderRadius: 5 }} />
    </Tooltip>
  );
}

function SchemeSwitch() {
  const { t } = useT();
  const { setColorScheme } = useMantineColorScheme();
  return (
    <>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="lg"
        lightHidden
        onClick={() => setColorScheme("light")}
        aria-label={t("scheme.light")}
      >
        <IconSun size={19} stroke={1.7} />
      </ActionIcon>
      <ActionIcon variant="subtle" color="gray" size="lg" darkHidden onClick={() => setColorScheme("dark")} aria-label={t("scheme.dark")}>
        <IconMoon size={19} stroke={1.7} />
      </ActionIcon>
    </>
  );
}

function UserMenu() {
  const { t, word } = useT();
  const { user } = useMe();
  const name = user?.name || user?.email || "";
  return (
    <Menu position="bottom-end" width={230}>
      <Menu.Target>
        <UnstyledButton>
          <VisuallyHidden>{t("account.menu")}</VisuallyHidden>
          <Group gap={4} wrap="nowrap">
            <Avatar name={name} size={32} />
            <IconChevronDown size={14} aria-hidden />
          </Group>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Text size="sm" fw={600} c="var(--mantine-color-text)" truncate>
            {name}
          </Text>
          <Text size="xs">{word("role", user?.role ?? "")}</Text>
        </Menu.Label>
        <Menu.Item component={Link} to="/account" leftSection={<IconUser size={16} />}>
          {t("account.title")}
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void signOut().finally(leave)}>
          {t("signout")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
