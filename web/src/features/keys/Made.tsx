import { Button, Code, CopyButton, Group, Text } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import type { ShownKey } from "@/api/generated";
import { OnceOnly } from "@/components/OnceOnly";
import { Secret } from "@/components/Secret";
import { useT } from "@/lib/i18n";

/** Shows a key, which nobody can see again, and a line that tries it. */
export function Made({ title, made, onClose }: { title: string; made: ShownKey; onClose: () => void }) {
  const { t } = useT();
  const line = curl(made.key, window.location.origin);
  return (
    <OnceOnly title={title} warning={t("keys.once")} kept={t("keys.kept")} onClose={onClose}>
      <Secret label={t("keys.key")} value={made.key} />
      <Group justify="space-between">
        <Text size="sm" fw={500}>
          {t("keys.try")}
        </Text>
        <CopyButton value={line}>
          {({ copied, copy }) => (
            <Button size="xs" variant="default" leftSection={copied ? <IconCheck size={14} /> : <IconCopy size={14} />} onClick={copy}>
              {t(copied ? "copied" : "copy")}
            </Button>
          )}
        </CopyButton>
      </Group>
      <Code block className="piece" tabIndex={0} role="region" aria-label={t("keys.try")}>
        {line}
      </Code>
    </OnceOnly>
  );
}

/** A command line that asks the API who the key is. */
export function curl(key: string, origin: string): string {
  return `curl -H 'X-API-Key: ${key}' ${origin}/api/v1/me`;
}
