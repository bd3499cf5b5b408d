import { Badge } from "@mantine/core";
import {
  IconAlertTriangle,
  IconBan,
  IconCircleCheck,
  IconCircleDashed,
  IconCircleOff,
  IconLoader2,
  IconPlayerPause,
} from "@tabler/icons-react";
import type { Client } from "@/api/generated";
import { useT } from "@/lib/i18n";

const looks: Record<string, { color: string; icon: typeof IconBan }> = {
  connected: { color: "jade", icon: IconCircleCheck },
  degraded: { color: "yellow", icon: IconAlertTriangle },
  restricted: { color: "orange", icon: IconAlertTriangle },
  connecting: { color: "blue", icon: IconLoader2 },
  pairing: { color: "blue", icon: IconCircleDashed },
  banned: { color: "red", icon: IconBan },
  temp_banned: { color: "red", icon: IconBan },
  logged_out: { color: "orange", icon: IconCircleOff },
  replaced: { color: "orange", icon: IconCircleOff },
  outdated: { color: "red", icon: IconAlertTriangle },
  stopped: { color: "red", icon: IconAlertTriangle },
};

/** Where a number stands, in a word, a colour and a shape. */
export function ClientState({ client, size = "md" }: { client: Client; size?: "sm" | "md" | "lg" }) {
  const { t, word } = useT();
  if (client.stopped) return <State color="red" icon={IconBan} size={size} text={t("client.halted")} />;
  if (client.paused) return <State color="gray" icon={IconPlayerPause} size={size} text={t("client.paused")} />;
  const { color, icon } = looks[client.status] ?? { color: "gray", icon: IconCircleDashed };
  return <State color={color} icon={icon} size={size} text={word("state", client.status)} />;
}

function State({ color, icon: Icon, size, text }: { color: string; icon: typeof IconBan; size: string; text: string }) {
  return (
    <Badge
      color={color}
      variant="light"
      size={size}
      tt="none"
      fw={600}
      leftSection={<Icon size={14} aria-hidden />}
      style={{ flexShrink: 0 }}
    >
      {text}
    </Badge>
  );
}

/** The colour that stands for a status. */
export const stateColor = (status: string): string => looks[status]?.color ?? "gray";

/** Statuses of numbers with no phone behind them. */
export const unpaired = (c: Client) => ["new", "pairing", "logged_out", "banned"].includes(c.status);
