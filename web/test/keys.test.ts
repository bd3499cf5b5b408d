import { expect, test } from "vitest";
import type { Grant } from "@/api/generated";
import { endOf, standing } from "@/features/keys/expiry";
import { curl } from "@/features/keys/Made";
import { isNetwork } from "@/features/keys/networks";
import { givable, toggleScope } from "@/features/keys/scopes";
import { toField, toInstant } from "@/lib/instant";

const grant = (key: boolean): Grant => ({
  admin: "all",
  manager: "all",
  agent: "none",
  viewer: "none",
  key,
  step_up: false,
  does: "do it",
});

test("only what keys may hold and who gives it has is offered, in groups", () => {
  const table = { "messages:send": grant(true), "messages:read": grant(true), "keys:write": grant(false), "clients:read": grant(true) };
  const groups = givable(table, {
    permissions: { "messages:send": "all", "messages:read": "own", "keys:write": "all", "clients:read": "all" },
  });
  expect(groups.map((g) => [g.name, g.scopes.map((s) => s.name)])).toEqual([
    ["clients", ["clients:read"]],
    ["messages", ["messages:send"]],
  ]);
});

test("everything swallows the others, and gives way to them", () => {
  expect(toggleScope(["a", "b"], "admin")).toEqual(["admin"]);
  expect(toggleScope(["admin"], "a")).toEqual(["a"]);
  expect(toggleScope(["a", "b"], "a")).toEqual(["b"]);
});

test.each([
  ["203.0.113.7", true],
  ["203.0.113.0/24", true],
  ["2001:db8::/32", true],
  ["::1", true],
  ["203.0.113.0/33", false],
  ["203.0.113.256", false],
  ["203.0.113.07", false],
  ["203.0.113", false],
  ["2001:db8::/129", false],
  ["2001:zz::", false],
  ["example.com", false],
  ["10.0.0.0/8/8", false],
  ["", false],
])("%s is a network: %s", (text, is) => {
  expect(isNetwork(text)).toBe(is);
});

test("ends are counted from now, or are the day that was chosen", () => {
  const now = new Date("2026-01-01T00:00:00Z");
  expect(endOf({ life: "never", field: "" }, now)).toBeUndefined();
  expect(endOf({ life: "30", field: "" }, now)).toBe("2026-01-31T00:00:00.000Z");
  expect(endOf({ life: "date", field: "" }, now)).toBeUndefined();
  expect(endOf({ life: "date", field: toField("2027-05-06T07:08:00Z") }, now)).toBe("2027-05-06T07:08:00.000Z");
});

test("fields hold minutes of the viewer's zone", () => {
  expect(toInstant(toField("2026-11-22T20:15:59Z"))).toBe("2026-11-22T20:15:00.000Z");
  expect([toInstant(""), toInstant("soon"), toField(undefined)]).toEqual([undefined, undefined, ""]);
});

test("a key that was revoked or has ended opens nothing", () => {
  const now = new Date("2026-01-02T00:00:00Z");
  expect(standing({}, now)).toBe("active");
  expect(standing({ expires_at: "2026-01-02T00:00:00Z" }, now)).toBe("expired");
  expect(standing({ expires_at: "2026-01-03T00:00:00Z", revoked_at: "2026-01-01T00:00:00Z" }, now)).toBe("revoked");
});

test("the line that tries a key names it and asks who it is", () => {
  expect(curl("sk_1", "https://c.example")).toBe("curl -H 'X-API-Key: sk_1' https://c.example/api/v1/me");
});
