import { Group, Text } from "@mantine/core";
import { IconHourglass } from "@tabler/icons-react";
import type { ClientHealth } from "@/api/generated";
import { waiting } from "@/features/clients/condition";
import { lasting } from "@/lib/format";
import { useT } from "@/lib/i18n";

/** How many messages wait for a number, how long, and what for. */
export function Waiting({ health }: { health: ClientHealth }) {
  const { t, word, language } = useT();
  const { count, since } = waiting(health.lanes);
  if (count === 0) {
    return (
      <Text size="sm" c="dimmed">
        {t("queue.none")}
      </Text>
    );
  }
  const age = since ? lasting((Date.now() - Date.parse(since)) / 1_000, language) : "";
  return (
    <Group gap={6} wrap="nowrap" align="flex-start">
      <IconHourglass size={16} aria-hidden style={{ flexShrink: 0, marginTop: 2 }} />
      <Text size="sm">
        {age ? t("queue.some", { count, age }) : t("queue.count", { count })}
        {health.blocked_by && (
          <Text span c="dimmed">
            {" "}
            {word("wait", health.blocked_by, health.blocked_by)}
          </Text>
        )}
      </Text>
    </Group>
  );
}
