import { Button, Group } from "@mantine/core";
import { useT } from "@/lib/i18n";

interface Props {
  /** What the form does. */
  does: string;
  busy: boolean;
  /** Not now: something is missing, or nothing was changed. */
  disabled?: boolean;
  /** It does something that hurts. */
  hurts?: boolean;
  /** Leaves the form; absent where there is nothing to leave, on a page. */
  onCancel?: (() => void) | undefined;
}

/** The end of a form: leave it, or do what it says. */
export function FormEnd({ does, busy, disabled = false, hurts = false, onCancel }: Props) {
  const { t } = useT();
  return (
    <Group justify="flex-end">
      {onCancel && (
        <Button variant="default" onClick={onCancel}>
          {t("cancel")}
        </Button>
      )}
      <Button type="submit" loading={busy} disabled={disabled} {...(hurts ? { color: "red.8" } : {})}>
        {does}
      </Button>
    </Group>
  );
}
