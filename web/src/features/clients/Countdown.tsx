import { Group, RingProgress, Text } from "@mantine/core";
import { useEffect, useState } from "react";
import { useT } from "@/lib/i18n";

interface Props {
  until: string;
  /** What is said when the time is up; without it, that another code follows. */
  lapsed?: string;
}

/** How long a code, or a step, is still good for. */
export function Countdown({ until, lapsed }: Props) {
  const { t } = useT();
  const [now, setNow] = useState(Date.now);
  const [whole, setWhole] = useState({ until, seconds: secondsTo(until, now) });
  if (whole.until !== until) setWhole({ until, seconds: secondsTo(until, Date.now()) });
  useEffect(() => {
    const tick = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(tick);
  }, []);
  const left = Math.max(0, secondsTo(until, now));
  const remaining = (s: number) =>
    s > 120 ? t("pair.left.minutes", { minutes: Math.ceil(s / 60) }) : t("pair.left", { seconds: Math.ceil(s) });
  const share = whole.seconds > 0 ? Math.min(100, (100 * left) / whole.seconds) : 0;
  return (
    <Group gap={6} role="timer">
      <RingProgress size={30} thickness={4} roundCaps sections={[{ value: share, color: left < 6 ? "orange" : "jade" }]} aria-hidden />
      <Text size="sm" c="dimmed">
        {left > 0 ? remaining(left) : (lapsed ?? t("pair.renewing"))}
      </Text>
    </Group>
  );
}

const secondsTo = (iso: string, now: number) => (Date.parse(iso) - now) / 1000;
