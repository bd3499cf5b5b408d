import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ApiKey, revokeAnApiKey } from "@/api/generated";
import { Confirm } from "@/components/Confirm";
import { useT } from "@/lib/i18n";
import { ask } from "@/lib/trouble";

export function Revoke({ apiKey: k, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const { t } = useT();
  const cache = useQueryClient();
  const revoke = useMutation({
    mutationFn: () => ask(revokeAnApiKey({ path: { key: k.id } })),
    onSuccess: () => {
      void cache.invalidateQueries({ queryKey: ["keys"] });
      onClose();
    },
  });
  return (
    <Confirm
      title={t("keys.revoke")}
      text={t("keys.revoke.text", { name: k.name.slice(0, 100) })}
      action={t("keys.revoke")}
      busy={revoke.isPending}
      error={revoke.error}
      onConfirm={() => revoke.mutate()}
      onClose={onClose}
    />
  );
}
