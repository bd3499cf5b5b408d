import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type Client, deleteAClient, unlinkAClientFromItsPhone } from "@/api/generated";
import { Confirm } from "@/components/Confirm";
import { useT } from "@/lib/i18n";
import { ask } from "@/lib/trouble";

interface Props {
  client: Client;
  onClose: () => void;
}

/** Takes a number off its phone's list of linked devices. */
export function Unlink({ client: c, onClose }: Props) {
  const { t } = useT();
  const unlink = useMutation({ mutationFn: () => ask(unlinkAClientFromItsPhone({ path: { client: c.id } })), onSuccess: onClose });
  return (
    <Confirm
      title={t("client.unlink")}
      text={t("client.unlink.text", { name: c.name })}
      action={t("client.unlink")}
      busy={unlink.isPending}
      error={unlink.error}
      onConfirm={() => unlink.mutate()}
      onClose={onClose}
    />
  );
}

/** Deletes a number, once its name is typed. */
export function Delete({ client: c, onClose }: Props) {
  const { t } = useT();
  const cache = useQueryClient();
  const navigate = useNavigate();
  const remove = useMutation({
    mutationFn: () => ask(deleteAClient({ path: { client: c.id } })),
    onSuccess: async () => {
      await navigate({ to: "/clients" });
      for (const key of ["clients", "numbers"]) void cache.invalidateQueries({ queryKey: [key] });
    },
  });
  return (
    <Confirm
      title={t("client.delete")}
      text={t("client.delete.text", { name: c.name })}
      action={t("client.delete")}
      type={c.name}
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    />
  );
}
