import { Alert, Button, Code, CopyButton, Group, Modal, SimpleGrid, Stack } from "@mantine/core";
import { IconCopy } from "@tabler/icons-react";
import { useT } from "@/lib/i18n";

/** Shows recovery codes, this once. */
export function RecoveryCodes({ codes, onClose }: { codes: string[]; onClose: () => void }) {
  const { t } = useT();
  return (
    <Modal opened onClose={onClose} title={t("account.codes")} centered closeOnClickOutside={false}>
      <Stack>
        <Alert color="orange">{t("account.codes.text")}</Alert>
        <SimpleGrid cols={2} spacing="xs">
          {codes.map((c) => (
            <Code key={c} ta="center" p={6} fz="sm">
              {c}
            </Code>
          ))}
        </SimpleGrid>
        <Group justify="space-between">
          <CopyButton value={codes.join("\n")}>
            {({ copied, copy }) => (
              <Button variant="default" leftSection={<IconCopy size={16} />} onClick={copy}>
                {t(copied ? "copied" : "copy")}
              </Button>
            )}
          </CopyButton>
          <Button onClick={onClose}>{t("account.codes.kept")}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
