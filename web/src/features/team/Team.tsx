import { Button, Card, Group, Select, Skeleton, Stack, Text } from "@mantine/core";
import { IconUserPlus } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { User } from "@/api/generated";
import { LoadMore } from "@/components/LoadMore";
import { PageHead } from "@/components/PageHead";
import { TroubleNote } from "@/components/TroubleNote";
import { Invitations } from "@/features/team/Invitations";
import { Invite } from "@/features/team/Invite";
import { Person } from "@/features/team/Person";
import { usersQuery, type Wanted } from "@/features/team/queries";
import { RoleTable } from "@/features/team/RoleTable";
import { roles } from "@/features/team/roles";
import { useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";
import { flat } from "@/lib/pages";

// From how many people on one looks for some of them.
const many = 8;

export function Page() {
  const { t } = useT();
  const allowed = useMay();
  const [inviting, setInviting] = useState(false);
  return (
    <Stack maw={900}>
      <PageHead title={t("nav.team")} text={t("team.text")}>
        {allowed("users:write") && (
          <Button leftSection={<IconUserPlus size={18} />} onClick={() => setInviting(true)}>
            {t("team.invite")}
          </Button>
        )}
      </PageHead>
      <People onInvite={allowed("users:write") ? () => setInviting(true) : undefined} />
      <Invitations />
      <RoleTable />
      {inviting && <Invite onClose={() => setInviting(false)} />}
    </Stack>
  );
}

function People({ onInvite }: { onInvite: (() => void) | undefined }) {
  const { t } = useT();
  const [wanted, setWanted] = useState<Wanted>({});
  const users = useInfiniteQuery(usersQuery(wanted));
  const all = flat(users.data);
  const narrowed = Boolean(wanted.role || wanted.status);
  const alone = users.isSuccess && !narrowed && all.length === 1;
  return (
    <Stack gap="sm">
      {(narrowed || all.length >= many) && <Narrow wanted={wanted} onChange={setWanted} />}
      <TroubleNote error={users.error} />
      <Card withBorder radius="lg" p={0}>
        {users.isPending && <Skeleton h={160} />}
        {all.map((u) => (
          <Person key={u.id} user={u} />
        ))}
        {users.isSuccess && narrowed && all.length === 0 && (
          <Text c="dimmed" ta="center" py="xl">
            {t("team.nomatch")}
          </Text>
        )}
        {alone && onInvite && (
          <Group px="lg" pb="md" justify="space-between">
            <Text size="sm" c="dimmed">
              {t("team.alone")}
            </Text>
            <Button size="xs" variant="default" onClick={onInvite}>
              {t("team.invite")}
            </Button>
          </Group>
        )}
        <LoadMore query={users} />
      </Card>
    </Stack>
  );
}

function Narrow({ wanted, onChange }: { wanted: Wanted; onChange: (w: Wanted) => void }) {
  const { t, word } = useT();
  return (
    <Group gap="sm">
      <Select
        aria-label={t("team.role")}
        placeholder={t("team.role.any")}
        data={roles.map((r) => ({ value: r, label: word("role", r) }))}
        value={wanted.role ?? null}
        onChange={(r) => onChange({ ...wanted, role: (r ?? undefined) as User["role"] | undefined })}
        clearable
        w={180}
      />
      <Select
        aria-label={t("team.status")}
        placeholder={t("team.status.any")}
        data={[
          { value: "active", label: t("team.active") },
          { value: "disabled", label: t("team.disabled") },
        ]}
        value={wanted.status ?? null}
        onChange={(s) => onChange({ ...wanted, status: (s ?? undefined) as User["status"] | undefined })}
        clearable
        w={180}
      />
    </Group>
  );
}
