import { Badge } from "@mantine/core";
import type { Endpoint } from "@/api/generated";
import { type Key, useT } from "@/lib/i18n";

const colors = { ok: "jade", failing: "orange", open: "red" } as const;

function stateOf({ enabled, health: h }: Endpoint): [string, Key] {
  if (!enabled) return ["gray", "hooks.off"];
  if (h.state === "ok" && !h.last_success_at && !h.last_failure_at) return ["gray", "hooks.health.new"];
  return [colors[h.state], `hooks.health.${h.state}`];
}

export function EndpointState({ endpoint: e }: { endpoint: Endpoint }) {
  const { t } = useT();
  const [color, text] = stateOf(e);
  return (
    <Badge color={color} variant="light" tt="none" style={{ flexShrink: 0 }}>
      {t(text)}
    </Badge>
  );
}

/** What an endpoint is called: its description, else where it leads. */
export function nameOf(e: Pick<Endpoint, "description" | "url">): string {
  return e.description || (URL.canParse(e.url) ? new URL(e.url).host : e.url);
}
