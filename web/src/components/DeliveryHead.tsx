import { Badge, Group, Stack, Text } from "@mantine/core";
import type { Delivery } from "@/api/generated";
import { moment, when } from "@/lib/format";
import { useT } from "@/lib/i18n";

const colors: Record<Delivery["status"], string> = { pending: "blue", delivered: "jade", exhausted: "red" };

/** A delivery in one line: what it tells, how it stands, and since when. */
export function DeliveryHead({ delivery: d }: { delivery: Delivery }) {
  const { t, language } = useT();
  return (
    <Group gap="xs" justify="space-between" wrap="nowrap">
      <Stack gap={2} miw={0}>
        <Text size="sm" fw={550} truncate>
          {d.event_type ?? d.event_id}
        </Text>
        <Group gap={6}>
          <Badge color={colors[d.status]} variant="light" size="sm" tt="none">
            {t(`deliveries.${d.status}`)}
          </Badge>
          {d.trigger !== "auto" && (
            <Badge variant="default" size="sm" tt="none">
              {t(`deliveries.by.${d.trigger}`)}
            </Badge>
          )}
          <Text size="xs" c="dimmed">
            {[d.last_status && `HTTP ${d.last_status}`, t("deliveries.attempts", { n: d.attempts })].filter(Boolean).join(" · ")}
          </Text>
        </Group>
      </Stack>
      <Text size="sm" c="dimmed" title={when(d.created_at, language)} style={{ flexShrink: 0 }}>
        {moment(d.created_at, language)}
      </Text>
    </Group>
  );
}
