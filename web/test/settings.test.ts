import { expect, test } from "vitest";
import type { OrgLimit } from "@/api/generated";
import { until } from "@/components/LeavingBanner";
import { warning } from "@/features/settings/DeleteOrg";
import { said } from "@/features/settings/OrgLimits";
import { shorter } from "@/features/settings/Retention";
import { changes } from "@/features/settings/Security";
import type { Translator } from "@/lib/i18n";

const org = {
  sign_in: { second_factor_roles: ["admin", "manager"], oidc_issuer: "", oidc_client_id: "", oidc_secret_set: false },
  settings: {
    agents_see_own_chats: false,
    agents_new_contacts: true,
    session_hours: 720,
    allow_http_webhooks: false,
    retention_days: { messages: null, events: 30, deliveries: 30, audit: null },
    time_zone: "UTC",
  },
} as Parameters<typeof changes>[1];
const draft: Parameters<typeof changes>[0] = { factor: ["manager", "admin"], hours: 720, own: false, fresh: true, http: false, client: "" };

test("what is as it was is not sent", () => {
  expect(changes(draft, org)).toEqual({});
});

test("only what differs is sent", () => {
  expect(changes({ ...draft, own: true }, org)).toEqual({ settings: { agents_see_own_chats: true } });
  expect(changes({ ...draft, fresh: false }, org)).toEqual({ settings: { agents_new_contacts: false } });
  expect(changes({ ...draft, factor: [], client: "cli_1", hours: 24 }, org)).toEqual({
    sign_in: { second_factor_roles: [], code_client: "cli_1" },
    settings: { session_hours: 24 },
  });
});

test.each([
  [{ messages: null, events: 30, deliveries: 30, audit: 365 }, false],
  [{ messages: 365, events: 30, deliveries: 30, audit: 365 }, true],
  [{ messages: null, events: null, deliveries: 30, audit: null }, false],
  [{ messages: null, events: 60, deliveries: 7, audit: 365 }, true],
  [{ messages: null, events: 30, deliveries: 30, audit: 90 }, true],
])("%j deletes something: %s", (next, less) => {
  expect(shorter(next, { messages: null, events: 30, deliveries: 30, audit: 365 })).toBe(less);
});

test("limits are told in words", () => {
  const t = ((key: string, values: Record<string, string | number> = {}) => [key, ...Object.values(values)].join(" ")) as Translator["t"];
  const limit = (l: Partial<OrgLimit>) => said({ name: "requests", set_by: "operator", ...l }, { t, language: "en" });
  expect(limit({})).toBe("settings.limits.none");
  expect(limit({ most: 120_000, per_seconds: 60 })).toBe("settings.limits.per 120,000 1 min");
  expect(limit({ most: 100, used: 0 })).toBe("settings.limits.used 0 100");
  expect(limit({ most: 1000 })).toBe("1,000");
});

test("who deletes the organisation is told for how long it can be kept", () => {
  const t = ((key: string, values: Record<string, string | number> = {}) => [key, ...Object.values(values)].join(" ")) as Translator["t"];
  const words = { t, language: "en" as const };
  expect(warning(7 * 86_400, words)).toBe("settings.delete.sure 7 days");
  expect(warning(0, words)).toBe("settings.delete.sure.now");
  const d = { asked_at: "2026-11-23T00:00:00Z", due_at: "2026-11-30T00:00:00Z" };
  expect(until(d, Date.parse("2026-11-29T23:59:00Z"), words)).toMatch(/^leaving\.text .*2026/);
  expect(until(d, Date.parse(d.due_at), words)).toBe("leaving.over");
});
