import { Badge, Button, Card, Code, Group, Menu, Stack, Text } from "@mantine/core";
import { IconDots, IconPencil, IconRefresh, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import type { ApiKey } from "@/api/generated";
import { Facts } from "@/components/Facts";
import { Edit } from "@/features/keys/Edit";
import { standing } from "@/features/keys/expiry";
import { Revoke } from "@/features/keys/Revoke";
import { Rotate } from "@/features/keys/Rotate";
import { moment, when } from "@/lib/format";
import { useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";

/** A key, without its text: that was shown when it was made. */
export function KeyCard({ apiKey: k }: { apiKey: ApiKey }) {
  const { t, word, language } = useT();
  const allowed = useMay()("keys:write");
  const state = standing(k);
  return (
    <Card withBorder radius="lg" component="article" aria-label={k.name.slice(0, 100)}>
      <Stack gap="sm">
        <Group justify="space-between" wrap="nowrap" align="flex-start">
          <Stack gap={4} miw={0}>
            <Text fw={650} lineClamp={2} className="anywhere">
              {k.name}
            </Text>
            <Group gap={6}>
              <Code>sk_chq_{k.public_id}_…</Code>
              {state !== "active" && (
                <Badge color={state === "revoked" ? "red" : "gray"} variant="light" tt="none">
                  {t(`keys.${state}`)}
                </Badge>
              )}
            </Group>
          </Stack>
          {allowed && state !== "revoked" && <More apiKey={k} />}
        </Group>
        <Group gap={6}>
          {k.scopes.map((s) => (
            <Badge key={s} variant="default" tt="none" fw={500} title={word("scope", s)}>
              {s === "admin" ? t("scope.admin") : s}
            </Badge>
          ))}
        </Group>
        <Facts
          rows={[
            [t("keys.used"), k.last_used_at ? moment(k.last_used_at, language) : t("keys.unused")],
            [t("keys.expires"), k.expires_at ? when(k.expires_at, language) : t("keys.never")],
            [t("keys.networks"), k.networks.length > 0 ? k.networks.join(", ") : t("keys.anywhere")],
            [t("keys.rate"), k.rate ? t("keys.rate.fact", { n: k.rate }) : t("keys.rate.usual")],
            [t("keys.old"), old(k) && when(k.old_until, language)],
            [t("keys.revoked"), when(k.revoked_at, language)],
            [t("keys.made"), [when(k.created_at, language), k.made_by].filter(Boolean).join(" · ")],
          ]}
        />
      </Stack>
    </Card>
  );
}

const old = (k: ApiKey) => k.old_until !== undefined && new Date(k.old_until) > new Date();

function More({ apiKey: k }: { apiKey: ApiKey }) {
  const { t } = useT();
  const [dialog, setDialog] = useState<"edit" | "rotate" | "revoke">();
  const close = () => setDialog(undefined);
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default" px="xs" aria-label={t("keys.more", { name: k.name.slice(0, 60) })}>
            <IconDots size={20} />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconPencil size={16} />} onClick={() => setDialog("edit")}>
            {t("keys.edit")}
          </Menu.Item>
          <Menu.Item leftSection={<IconRefresh size={16} />} onClick={() => setDialog("rotate")}>
            {t("keys.rotate")}
          </Menu.Item>
          <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={() => setDialog("revoke")}>
            {t("keys.revoke")}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {dialog === "edit" && <Edit apiKey={k} onClose={close} />}
      {dialog === "rotate" && <Rotate apiKey={k} onClose={close} />}
      {dialog === "revoke" && <Revoke apiKey={k} onClose={close} />}
    </>
  );
}
