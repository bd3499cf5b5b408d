import { TextInput } from "@mantine/core";
import { useT } from "@/lib/i18n";

interface Props {
  value: string;
  onChange: (email: string) => void;
  error?: string | undefined;
  /** What a password manager files it under; of others' addresses, nothing. */
  autoComplete?: "username" | "off";
  autoFocus?: boolean;
}

/** Asks for an e-mail address. */
export function EmailField({ value, onChange, error, autoComplete = "username", autoFocus = true }: Props) {
  const { t } = useT();
  return (
    <TextInput
      label={t("email")}
      type="email"
      value={value}
      onChange={(e) => onChange(e.currentTarget.value)}
      error={error}
      autoComplete={autoComplete}
      autoFocus={autoFocus}
      data-autofocus={autoFocus || undefined}
      required
      withAsterisk={false}
    />
  );
}
