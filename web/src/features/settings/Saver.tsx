import { Stack } from "@mantine/core";
import type { ReactNode } from "react";
import { FormEnd } from "@/components/FormEnd";
import { TroubleNote } from "@/components/TroubleNote";
import { useT } from "@/lib/i18n";

interface Props {
  changed: boolean;
  busy: boolean;
  error: unknown;
  /** Fields whose message stands beside them. */
  fields?: readonly string[];
  /** Absent for who may only look. */
  onSave: (() => void) | undefined;
  children: ReactNode;
}

/** A form of settings, saved by one button. */
export function Saver({ changed, busy, error, fields, onSave, children }: Props) {
  const { t } = useT();
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        onSave?.();
      }}
    >
      <Stack>
        {children}
        <TroubleNote error={error} {...(fields ? { fields } : {})} />
        {onSave && <FormEnd does={t("save")} busy={busy} disabled={!changed} />}
      </Stack>
    </form>
  );
}
