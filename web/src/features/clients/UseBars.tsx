import { Group, Progress, Stack, Text } from "@mantine/core";
import type { ClientHealth } from "@/api/generated";
import { shareOf, usedColor } from "@/features/clients/condition";
import { clock } from "@/lib/format";
import { useT } from "@/lib/i18n";

type Use = ClientHealth["use"][number];

interface Props {
  use: ClientHealth["use"];
  /** Only what there is to watch over a day, where there is little room. */
  brief?: boolean;
}

/** What a number has sent of what it may, a bar for each window. */
export function UseBars({ use, brief = false }: Props) {
  const shown = use.filter((u) => !brief || (u.window !== "minute" && u.limit !== null));
  return (
    <Stack gap={8} w="100%">
      {shown.map((u) => (
        <Bar key={u.window} use={u} resets={!brief} />
      ))}
    </Stack>
  );
}

function Bar({ use: u, resets }: { use: Use; resets: boolean }) {
  const { t, word, language } = useT();
  const number = new Intl.NumberFormat(language);
  const share = shareOf(u.used, u.limit);
  const label = word("use", u.window, u.window);
  const figures =
    u.limit === null
      ? t("use.free", { used: number.format(u.used) })
      : t("use.of", { used: number.format(u.used), limit: number.format(u.limit) });
  return (
    <Stack gap={3}>
      <Group justify="space-between" gap="xs">
        <Text size="xs" c="dimmed">
          {label}
        </Text>
        <Text size="xs" fw={share >= 1 ? 700 : 500}>
          {figures}
        </Text>
      </Group>
      {u.limit !== null && <Progress value={share * 100} color={usedColor(share)} size={6} aria-label={`${label}: ${figures}`} />}
      {resets && share >= 1 && u.resets_at && (
        <Text size="xs" c="dimmed">
          {t("use.resets", { when: clock(u.resets_at, language) })}
        </Text>
      )}
    </Stack>
  );
}
