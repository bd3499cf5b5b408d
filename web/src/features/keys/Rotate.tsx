import { Modal, Select, Stack, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type ApiKey, giveAnApiKeyAnotherText } from "@/api/generated";
import { FormEnd } from "@/components/FormEnd";
import { TroubleNote } from "@/components/TroubleNote";
import { Made } from "@/features/keys/Made";
import { type Key, useT } from "@/lib/i18n";
import { ask } from "@/lib/trouble";

// Seconds that the former text opens too; the API's bound is thirty days.
const overlaps: Record<string, Key> = {
  "0": "keys.overlap.none",
  "3600": "keys.overlap.hour",
  "86400": "keys.overlap.day",
  "604800": "keys.overlap.week",
  "2592000": "keys.overlap.month",
};

/** Gives a key another text, with the former one opening beside it for a while. */
export function Rotate({ apiKey: k, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const { t } = useT();
  const cache = useQueryClient();
  const [overlap, setOverlap] = useState("86400");
  const rotate = useMutation({
    mutationFn: () => ask(giveAnApiKeyAnotherText({ path: { key: k.id }, body: { overlap_seconds: Number(overlap) } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: ["keys"] }),
  });
  if (rotate.data) return <Made title={t("keys.ready")} made={rotate.data} onClose={onClose} />;
  return (
    <Modal opened onClose={onClose} title={t("keys.rotate")} centered>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          rotate.mutate();
        }}
      >
        <Stack>
          <Text size="sm">{t("keys.rotate.text")}</Text>
          <Select
            label={t("keys.overlap")}
            data={Object.entries(overlaps).map(([value, label]) => ({ value, label: t(label) }))}
            value={overlap}
            onChange={(v) => setOverlap(v ?? "86400")}
            allowDeselect={false}
            data-autofocus
          />
          <TroubleNote error={rotate.error} />
          <FormEnd does={t("keys.rotate")} busy={rotate.isPending} onCancel={onClose} />
        </Stack>
      </form>
    </Modal>
  );
}
