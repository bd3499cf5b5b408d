import { ActionIcon, CopyButton, Group, TextInput } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useT } from "@/lib/i18n";

/** Something to copy, such as a secret or a link. */
export function Secret({ label, value, note }: { label: string; value: string; note?: string }) {
  const { t } = useT();
  return (
    <Group align="flex-end" gap="xs" wrap="nowrap">
      <TextInput
        label={label}
        description={note}
        value={value}
        readOnly
        flex={1}
        onFocus={(e) => e.currentTarget.select()}
        styles={{ input: { fontFamily: "monospace" } }}
      />
      <CopyButton value={value}>
        {({ copied, copy }) => (
          <ActionIcon size={36} variant={copied ? "filled" : "default"} onClick={copy} aria-label={t(copied ? "copied" : "copy")}>
            {copied ? <IconCheck size={18} /> : <IconCopy size={18} />}
          </ActionIcon>
        )}
      </CopyButton>
    </Group>
  );
}
