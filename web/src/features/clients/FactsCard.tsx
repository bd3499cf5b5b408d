import { Text } from "@mantine/core";
import type { Client } from "@/api/generated";
import { Facts } from "@/components/Facts";
import { Section } from "@/components/Section";
import { when } from "@/lib/format";
import { useT } from "@/lib/i18n";

/** What is known of a number, and what it shows itself as on the phone, which not everybody may see. */
export function FactsCard({ client: c }: { client: Client }) {
  const { t, word, language } = useT();
  return (
    <Section title={t("facts.title")}>
      <Facts
        rows={[
          [t("facts.state"), word("state", c.status)],
          [t("facts.since"), when(c.status_at, language)],
          [t("facts.until"), c.until && when(c.until, language)],
          [t("facts.profile"), c.push_name],
          [t("facts.created"), when(c.created_at, language)],
          [t("facts.id"), <Id key="id" text={c.id} />],
          [t("facts.device"), c.device?.os],
          [t("facts.platform"), c.device && word("platform", c.device.platform)],
          [t("facts.version"), c.device?.version],
        ]}
      />
      {c.device && (
        <Text size="xs" c="dimmed">
          {t("facts.device.text")}
        </Text>
      )}
    </Section>
  );
}

function Id({ text }: { text: string }) {
  return (
    <Text span ff="monospace" fz="xs" style={{ overflowWrap: "anywhere" }}>
      {text}
    </Text>
  );
}
