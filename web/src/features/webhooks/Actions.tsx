import { Button, Group, Menu } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconDots, IconHistory, IconKey, IconKeyOff, IconPencil, IconPower, IconSend, IconTrash } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import {
  deleteAWebhook,
  disableAWebhook,
  type Endpoint,
  enableAWebhook,
  endAWebhookOldSecrets,
  makeANewSecretForAWebhook,
  sendAWebhookATestEvent,
} from "@/api/generated";
import { Confirm } from "@/components/Confirm";
import { complain } from "@/components/TroubleNote";
import { Edit } from "@/features/webhooks/Edit";
import { nameOf } from "@/features/webhooks/EndpointState";
import { Recover } from "@/features/webhooks/Recover";
import { Rotate } from "@/features/webhooks/Rotate";
import { useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";
import { ask } from "@/lib/trouble";

type Dialog = "edit" | "recover" | "rotate" | "revoke" | "delete" | "off";

/** What can be done with an endpoint. */
export function Actions({ endpoint: e }: { endpoint: Endpoint }) {
  const { t } = useT();
  const allowed = useMay();
  const cache = useQueryClient();
  const [dialog, setDialog] = useState<Dialog>();
  const path = { webhook: e.id };
  const fresh = () => cache.invalidateQueries({ queryKey: ["webhooks"] });
  const test = useMutation({
    mutationFn: () => ask(sendAWebhookATestEvent({ path })),
    onSuccess: () => {
      notifications.show({ message: t("hooks.tested"), color: "jade" });
      void fresh();
    },
    onError: complain,
  });
  const enable = useMutation({ mutationFn: () => ask(enableAWebhook({ path })), onSuccess: fresh, onError: complain });
  if (!allowed("webhooks:write")) return null;
  return (
    <Group gap="xs">
      {e.enabled ? (
        <Button leftSection={<IconSend size={17} />} onClick={() => test.mutate()} loading={test.isPending}>
          {t("hooks.test")}
        </Button>
      ) : (
        <Button leftSection={<IconPower size={17} />} onClick={() => enable.mutate()} loading={enable.isPending}>
          {t("hooks.enable")}
        </Button>
      )}
      <Button variant="default" leftSection={<IconPencil size={17} />} onClick={() => setDialog("edit")}>
        {t("hooks.edit.short")}
      </Button>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default" px="xs" aria-label={t("more")}>
            <IconDots size={20} />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {e.enabled && (
            <Menu.Item leftSection={<IconHistory size={16} />} onClick={() => setDialog("recover")}>
              {t("recover.title")}
            </Menu.Item>
          )}
          {allowed("webhooks:secret") && (
            <>
              <Menu.Item leftSection={<IconKey size={16} />} onClick={() => setDialog("rotate")}>
                {t("hooks.rotate")}
              </Menu.Item>
              <Menu.Item leftSection={<IconKeyOff size={16} />} onClick={() => setDialog("revoke")}>
                {t("hooks.revoke")}
              </Menu.Item>
            </>
          )}
          {e.enabled && (
            <Menu.Item leftSection={<IconPower size={16} />} onClick={() => setDialog("off")}>
              {t("hooks.disable")}
            </Menu.Item>
          )}
          <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={() => setDialog("delete")}>
            {t("hooks.delete")}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Dialogs dialog={dialog} endpoint={e} onClose={() => setDialog(undefined)} />
    </Group>
  );
}

function Dialogs({ dialog, endpoint: e, onClose }: { dialog: Dialog | undefined; endpoint: Endpoint; onClose: () => void }) {
  const { t } = useT();
  const path = { webhook: e.id };
  switch (dialog) {
    case "edit":
      return <Edit endpoint={e} onClose={onClose} />;
    case "recover":
      return <Recover endpoint={e} onClose={onClose} />;
    case "rotate":
      return (
        <Rotate
          title={t("hooks.rotate")}
          text={t("hooks.rotate.text")}
          rotate={(overlap_seconds) => makeANewSecretForAWebhook({ path, body: { overlap_seconds } })}
          onClose={onClose}
        />
      );
    case "revoke":
      return (
        <Sure
          title={t("hooks.revoke")}
          text={t("hooks.revoke.text")}
          done={t("hooks.revoked")}
          run={() => ask(endAWebhookOldSecrets({ path }))}
          onClose={onClose}
        />
      );
    case "off":
      return (
        <Sure title={t("hooks.disable")} text={t("hooks.disable.text")} run={() => ask(disableAWebhook({ path }))} onClose={onClose} />
      );
    case "delete":
      return <Delete endpoint={e} onClose={onClose} />;
    default:
      return null;
  }
}

interface SureProps {
  title: string;
  text: string;
  done?: string;
  run: () => Promise<unknown>;
  onClose: () => void;
}

function Sure({ title, text, done, run, onClose }: SureProps) {
  const cache = useQueryClient();
  const act = useMutation({
    mutationFn: run,
    onSuccess: () => {
      void cache.invalidateQueries({ queryKey: ["webhooks"] });
      if (done) notifications.show({ message: done, color: "jade" });
      onClose();
    },
  });
  return (
    <Confirm
      title={title}
      text={text}
      action={title}
      busy={act.isPending}
      error={act.error}
      onConfirm={() => act.mutate()}
      onClose={onClose}
    />
  );
}

function Delete({ endpoint: e, onClose }: { endpoint: Endpoint; onClose: () => void }) {
  const { t } = useT();
  const cache = useQueryClient();
  const navigate = useNavigate();
  const remove = useMutation({
    mutationFn: () => ask(deleteAWebhook({ path: { webhook: e.id } })),
    onSuccess: async () => {
      await navigate({ to: "/webhooks" });
      cache.removeQueries({ queryKey: ["webhooks", e.id] });
      void cache.invalidateQueries({ queryKey: ["webhooks"] });
    },
  });
  return (
    <Confirm
      title={t("hooks.delete")}
      text={t("hooks.delete.text", { name: nameOf(e).slice(0, 100) })}
      action={t("hooks.delete")}
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    />
  );
}
