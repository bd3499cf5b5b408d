import { PinInput } from "@mantine/core";
import { useT } from "@/lib/i18n";

interface Props {
  value: string;
  onChange: (code: string) => void;
  /** The last digit is there. */
  onComplete: (code: string) => void;
  autoFocus?: boolean;
}

/** How many digits a code has, of an authenticator app as of WhatsApp. */
export const codeLength = 6;

/** Takes a six-digit code; the phone may fill it in by itself. */
export function CodeField({ value, onChange, onComplete, autoFocus = false }: Props) {
  const { t } = useT();
  return (
    <PinInput
      length={codeLength}
      type="number"
      oneTimeCode
      autoFocus={autoFocus}
      value={value}
      onChange={onChange}
      onComplete={onComplete}
      aria-label={t("factor.code")}
      styles={{ root: { justifyContent: "center" } }}
    />
  );
}
