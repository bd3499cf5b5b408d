import { Modal, Select, Stack, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { FormEnd } from "@/components/FormEnd";
import { TroubleNote } from "@/components/TroubleNote";
import { ShownOnce } from "@/features/webhooks/ShownOnce";
import { type Key, useT } from "@/lib/i18n";
import { ask } from "@/lib/trouble";

// Seconds that the old secret signs too; the API's bound is a week.
const overlaps: Record<string, Key> = {
  "0": "hooks.overlap.none",
  "3600": "hooks.overlap.hour",
  "86400": "hooks.overlap.day",
  "604800": "hooks.overlap.week",
};

interface Props {
  title: string;
  text: string;
  rotate: (overlapSeconds: number) => Parameters<typeof ask<{ data?: { secret: string } | undefined }>>[0];
  onClose: () => void;
}

/** Makes a new secret, with the old one signing beside it for a while. */
export function Rotate({ title, text, rotate, onClose }: Props) {
  const { t } = useT();
  const cache = useQueryClient();
  const [overlap, setOverlap] = useState("86400");
  const make = useMutation({
    mutationFn: () => ask(rotate(Number(overlap))),
    onSuccess: () => cache.invalidateQueries({ queryKey: ["webhooks"] }),
  });
  if (make.data) return <ShownOnce title={title} secret={make.data.secret} onClose={onClose} />;
  return (
    <Modal opened onClose={onClose} title={title} centered>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          make.mutate();
        }}
      >
        <Stack>
          <Text size="sm">{text}</Text>
          <Select
            label={t("hooks.overlap")}
            data={Object.entries(overlaps).map(([value, label]) => ({ value, label: t(label) }))}
            value={overlap}
            onChange={(v) => setOverlap(v ?? "86400")}
            allowDeselect={false}
            data-autofocus
          />
          <TroubleNote error={make.error} />
          <FormEnd does={t("hooks.rotate.action")} busy={make.isPending} onCancel={onClose} />
        </Stack>
      </form>
    </Modal>
  );
}
