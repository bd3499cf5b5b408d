import { ActionIcon, Button, Group, Menu, Stack, Text, Title } from "@mantine/core";
import {
  IconDots,
  IconHandStop,
  IconPencil,
  IconPlayerPause,
  IconPlayerPlay,
  IconPlug,
  IconPlugOff,
  IconQrcode,
  IconTrash,
  IconUnlink,
} from "@tabler/icons-react";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { bringAClientOnline, type Client, pauseAClientLine, resumeAClientLine, takeAClientOffline } from "@/api/generated";
import { Avatar } from "@/components/Avatar";
import { ClientState, unpaired } from "@/components/ClientState";
import { StopDialog } from "@/components/StopDialog";
import { Delete, Unlink } from "@/features/clients/Ends";
import { Pairing } from "@/features/clients/Pairing";
import { useClientChange } from "@/features/clients/queries";
import { Rename } from "@/features/clients/Rename";
import { phone } from "@/lib/format";
import { useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";
import { ask } from "@/lib/trouble";

type Dialog = "pair" | "rename" | "stop" | "unlink" | "delete";

/** Which number it is, and what one can do with it. */
export function Head({ client: c }: { client: Client }) {
  const { t } = useT();
  const allowed = useMay();
  const [dialog, setDialog] = useDialog(c);
  const close = () => setDialog(undefined);
  return (
    <Group justify="space-between" align="flex-start">
      <Group wrap="nowrap" miw={0}>
        <Avatar name={c.name} size={56} />
        <Stack gap={4} miw={0}>
          <Group gap={6} wrap="nowrap">
            <Title order={1} fz={{ base: 22, sm: 26 }} style={{ overflowWrap: "anywhere" }}>
              {c.name}
            </Title>
            {allowed("clients:write") && (
              <ActionIcon variant="subtle" color="gray" onClick={() => setDialog("rename")} aria-label={t("client.rename")}>
                <IconPencil size={18} />
              </ActionIcon>
            )}
          </Group>
          <Group gap="xs">
            {(c.phone || unpaired(c)) && <Text c="dimmed">{c.phone ? phone(c.phone) : t("clients.nophone")}</Text>}
            <ClientState client={c} />
          </Group>
        </Stack>
      </Group>
      <Group gap="xs">
        {allowed("clients:write") && <MainAction client={c} onPair={() => setDialog("pair")} />}
        <Actions client={c} onPick={setDialog} />
      </Group>
      {dialog === "pair" && <Pairing client={c} onClose={close} />}
      {dialog === "rename" && <Rename client={c} onClose={close} />}
      {dialog === "stop" && <StopDialog client={c} onClose={close} />}
      {dialog === "unlink" && <Unlink client={c} onClose={close} />}
      {dialog === "delete" && <Delete client={c} onClose={close} />}
    </Group>
  );
}

/** Which dialog is open; the address may ask for the one that links the number, once. */
function useDialog(c: Client) {
  const { link } = useSearch({ strict: false }) as { link?: true };
  const navigate = useNavigate();
  const mayLink = useMay()("clients:write") && unpaired(c);
  const state = useState<Dialog | undefined>(link && mayLink ? "pair" : undefined);
  useEffect(() => {
    if (link) void navigate({ to: "/clients/$client", params: { client: c.id } as never, replace: true });
  }, [link, navigate, c.id]);
  return state;
}

function MainAction({ client: c, onPair }: { client: Client; onPair: () => void }) {
  const { t } = useT();
  const path = { client: c.id };
  const pause = useClientChange(() => ask(c.paused ? resumeAClientLine({ path }) : pauseAClientLine({ path })));
  if (unpaired(c)) {
    return (
      <Button leftSection={<IconQrcode size={18} />} onClick={onPair}>
        {t("pair.action")}
      </Button>
    );
  }
  return (
    <Button
      variant={c.paused ? "filled" : "default"}
      leftSection={c.paused ? <IconPlayerPlay size={18} /> : <IconPlayerPause size={18} />}
      loading={pause.isPending}
      onClick={() => pause.mutate(undefined)}
    >
      {t(c.paused ? "client.resume" : "client.pause")}
    </Button>
  );
}

/** The rest, behind a button; the button is left out where nothing is in it. */
function Actions({ client: c, onPick }: { client: Client; onPick: (d: Dialog) => void }) {
  const { t } = useT();
  const allowed = useMay();
  const path = { client: c.id };
  const connect = useClientChange((on: boolean) => ask(on ? bringAClientOnline({ path }) : takeAClientOffline({ path })));
  const off = c.desired === "disconnected";
  const linked = !unpaired(c);
  const may = { connect: allowed("clients:write") && linked, stop: allowed("stop:write") && !c.stopped, end: allowed("clients:unlink") };
  if (!Object.values(may).some(Boolean)) return null;
  return (
    <Menu position="bottom-end" width={230}>
      <Menu.Target>
        <Button variant="default" px="xs" aria-label={t("client.more")}>
          <IconDots size={20} />
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {may.connect && (
          <Menu.Item leftSection={off ? <IconPlug size={16} /> : <IconPlugOff size={16} />} onClick={() => connect.mutate(off)}>
            {t(off ? "client.connect" : "client.disconnect")}
          </Menu.Item>
        )}
        {may.stop && (
          <Menu.Item c="var(--mantine-color-error)" leftSection={<IconHandStop size={16} />} onClick={() => onPick("stop")}>
            {t("stop.client")}
          </Menu.Item>
        )}
        {may.end && <Menu.Divider />}
        {may.end && linked && (
          <Menu.Item c="var(--mantine-color-error)" leftSection={<IconUnlink size={16} />} onClick={() => onPick("unlink")}>
            {t("client.unlink")}
          </Menu.Item>
        )}
        {may.end && (
          <Menu.Item c="var(--mantine-color-error)" leftSection={<IconTrash size={16} />} onClick={() => onPick("delete")}>
            {t("client.delete")}
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
