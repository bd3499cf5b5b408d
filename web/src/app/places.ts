import {
  IconActivity,
  IconAdjustments,
  IconCode,
  IconDeviceMobile,
  IconHome,
  IconKey,
  IconList,
  IconMessages,
  IconShieldSearch,
  IconUsers,
  IconWebhook,
} from "@tabler/icons-react";
import type { Key } from "@/lib/i18n";

// Where one can go, in the order of the navigation, and the permission that each place asks for.
const places = [
  { to: "/", label: "nav.home", icon: IconHome, needs: "analytics:read", group: "work" },
  { to: "/inbox", label: "nav.inbox", icon: IconMessages, needs: "messages:read", group: "work" },
  { to: "/clients", label: "nav.clients", icon: IconDeviceMobile, needs: "clients:read", group: "work" },
  { to: "/messages", label: "nav.messages", icon: IconList, needs: "messages:read", group: "work" },
  { to: "/webhooks", label: "nav.webhooks", icon: IconWebhook, needs: "webhooks:read", group: "connect" },
  { to: "/keys", label: "nav.keys", icon: IconKey, needs: "keys:read", group: "connect" },
  { to: "/developers", label: "nav.developers", icon: IconCode, needs: "org:read", group: "connect" },
  { to: "/team", label: "nav.team", icon: IconUsers, needs: "users:read", group: "org" },
  { to: "/audit", label: "nav.audit", icon: IconShieldSearch, needs: "audit:read", group: "org" },
  { to: "/settings", label: "nav.settings", icon: IconAdjustments, needs: "org:read", group: "org" },
  { to: "/monitoring", label: "nav.monitoring", icon: IconActivity, needs: "monitoring:read", group: "org" },
] as const satisfies readonly { to: string; label: Key; icon: unknown; needs: string; group: "work" | "connect" | "org" }[];

export type Place = (typeof places)[number];

export interface PlaceGroup {
  label: Key;
  places: Place[];
}

/** The places that somebody with these permissions is offered. */
export function reachable(allowed: (permission: string) => boolean): PlaceGroup[] {
  return (["work", "connect", "org"] as const)
    .map((g) => ({ label: `nav.group.${g}` as const, places: places.filter((p) => p.group === g && allowed(p.needs)) }))
    .filter((g) => g.places.length > 0);
}
