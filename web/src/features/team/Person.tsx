import { Badge, Button, Group, Menu, Stack, Text } from "@mantine/core";
import {
  IconDeviceMobile,
  IconDots,
  IconLockOpen,
  IconLogout,
  IconShieldOff,
  IconUserCheck,
  IconUserCog,
  IconUserOff,
  IconUserX,
} from "@tabler/icons-react";
import { useState } from "react";
import { changeAUser, type User, unlockAUser } from "@/api/generated";
import { Avatar } from "@/components/Avatar";
import { complain } from "@/components/TroubleNote";
import { Assignments } from "@/features/team/Assignments";
import { type Deed, DeedDialog } from "@/features/team/DeedDialog";
import { useDeed } from "@/features/team/queries";
import { useGivable } from "@/features/team/roles";
import { moment } from "@/lib/format";
import { useT } from "@/lib/i18n";
import { useMay, useMe } from "@/lib/me";
import { ask } from "@/lib/trouble";

type Dialog = Deed | "numbers";

/** Somebody of the team, and what one may do about them. */
export function Person({ user: u }: { user: User }) {
  const { t, word, language } = useT();
  const allowed = useMay();
  const [dialog, setDialog] = useState<Dialog>();
  return (
    <Group px="lg" py="sm" wrap="nowrap">
      <Avatar name={u.name || u.email} />
      <Stack gap={2} miw={0} flex={1}>
        <Group gap={6}>
          <Text fw={600} truncate>
            {u.name || u.email}
          </Text>
          <Marks user={u} />
        </Group>
        <Text size="sm" c="dimmed" lineClamp={3} style={{ overflowWrap: "anywhere" }}>
          {[
            u.name && u.email,
            u.client_count && t("team.numbers.count", { n: u.client_count }),
            u.last_sign_in_at ? t("team.seen", { when: moment(u.last_sign_in_at, language) }) : t("team.never"),
          ]
            .filter(Boolean)
            .join(" · ")}
        </Text>
      </Stack>
      {u.role === "agent" && allowed("users:write") && (
        <Button size="xs" variant="default" visibleFrom="sm" onClick={() => setDialog("numbers")}>
          {t("team.numbers")}
        </Button>
      )}
      <Text size="sm" style={{ flexShrink: 0 }}>
        {word("role", u.role)}
      </Text>
      <Actions user={u} onPick={setDialog} />
      {dialog === "numbers" && <Assignments user={u} onClose={() => setDialog(undefined)} />}
      {dialog && dialog !== "numbers" && <DeedDialog user={u} deed={dialog} onClose={() => setDialog(undefined)} />}
    </Group>
  );
}

/** Reports whether sign-ins of somebody are not tried at the moment. */
export const isLocked = (u: User, now = Date.now()) => Boolean(u.locked_until) && Date.parse(u.locked_until ?? "") > now;

function Marks({ user: u }: { user: User }) {
  const { t } = useT();
  const me = useMe();
  return (
    <>
      {u.id === me.user?.id && (
        <Badge size="sm" variant="light" tt="none">
          {t("team.you")}
        </Badge>
      )}
      {u.status === "disabled" && (
        <Badge size="sm" color="gray" tt="none">
          {t("team.disabled")}
        </Badge>
      )}
      {u.client_count === 0 && (
        <Badge size="sm" color="orange" variant="light" tt="none">
          {t("team.numbers.count", { n: 0 })}
        </Badge>
      )}
      {isLocked(u) && (
        <Badge size="sm" color="orange" variant="light" tt="none">
          {t("team.locked")}
        </Badge>
      )}
      {u.second_factor && (
        <Badge size="sm" color="jade" variant="light" tt="none">
          {t("team.factor")}
        </Badge>
      )}
    </>
  );
}

function Actions({ user: u, onPick }: { user: User; onPick: (d: Dialog) => void }) {
  const { t, word } = useT();
  const me = useMe();
  const allowed = useMay();
  const givable = useGivable();
  const change = useDeed((body: { role?: User["role"]; status?: User["status"] }) => ask(changeAUser({ path: { user: u.id }, body })));
  const unlock = useDeed(() => ask(unlockAUser({ path: { user: u.id } })));
  const self = u.id === me.user?.id;
  const changeable = !self && givable.includes(u.role);
  const resets = !self && allowed("users:reset");
  const deletes = !self && allowed("users:delete");
  if (!changeable && !resets && !deletes) return null;
  return (
    <Menu position="bottom-end" width={240}>
      <Menu.Target>
        <Button
          variant="subtle"
          color="gray"
          px={6}
          loading={change.isPending || unlock.isPending}
          aria-label={t("team.change", { name: u.name || u.email })}
        >
          <IconDots size={18} />
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {u.role === "agent" && changeable && (
          <Menu.Item leftSection={<IconDeviceMobile size={16} />} onClick={() => onPick("numbers")}>
            {t("team.numbers")}
          </Menu.Item>
        )}
        {changeable &&
          givable
            .filter((role) => role !== u.role)
            .map((role) => (
              <Menu.Item leftSection={<IconUserCog size={16} />} key={role} onClick={() => change.mutate({ role }, { onError: complain })}>
                {t("team.make", { role: word("role", role) })}
              </Menu.Item>
            ))}
        <Menu.Divider />
        {resets && isLocked(u) && (
          <Menu.Item leftSection={<IconLockOpen size={16} />} onClick={() => unlock.mutate(undefined, { onError: complain })}>
            {t("team.unlock")}
          </Menu.Item>
        )}
        {resets && (
          <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => onPick("expel")}>
            {t("team.expel")}
          </Menu.Item>
        )}
        {resets && u.second_factor && (
          <Menu.Item c="var(--mantine-color-error)" leftSection={<IconShieldOff size={16} />} onClick={() => onPick("reset")}>
            {t("team.reset")}
          </Menu.Item>
        )}
        {changeable && u.status === "active" && (
          <Menu.Item c="var(--mantine-color-error)" leftSection={<IconUserOff size={16} />} onClick={() => onPick("disable")}>
            {t("team.disable")}
          </Menu.Item>
        )}
        {changeable && u.status !== "active" && (
          <Menu.Item leftSection={<IconUserCheck size={16} />} onClick={() => change.mutate({ status: "active" }, { onError: complain })}>
            {t("team.enable")}
          </Menu.Item>
        )}
        {deletes && (
          <Menu.Item c="var(--mantine-color-error)" leftSection={<IconUserX size={16} />} onClick={() => onPick("delete")}>
            {t("team.delete")}
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
