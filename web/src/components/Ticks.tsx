import { IconAlertCircle, IconBan, IconCheck, IconChecks, IconClock } from "@tabler/icons-react";
import type { Message } from "@/api/generated";
import { useT } from "@/lib/i18n";

/** How far a message has come, as phones show it. */
export function Ticks({ status }: { status: Message["status"] }) {
  const { word } = useT();
  const label = word("status", status);
  const look = { size: 15, role: "img", "aria-label": label, style: { flexShrink: 0 } } as const;
  switch (status) {
    case "sent":
      return <IconCheck {...look} />;
    case "delivered":
      return <IconChecks {...look} />;
    case "read":
    case "played":
      return <IconChecks {...look} color="light-dark(#0a6fc2, #53bdeb)" />;
    case "failed":
    case "expired":
      return <IconAlertCircle {...look} color="light-dark(#c92a2a, #ff8787)" />;
    case "cancelled":
      return <IconBan {...look} />;
    default:
      return <IconClock {...look} />;
  }
}
