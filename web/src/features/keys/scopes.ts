// What a key may do, in groups, as the API's permission table has it.

import type { Grant, Me } from "@/api/generated";

export interface Scope {
  name: string;
  /** What it allows, in the API's words. */
  does: string;
}

export interface ScopeGroup {
  name: string;
  scopes: Scope[];
}

/** The scope that stands for all that a key may hold. */
export const everything = "admin";

/** What somebody may give to a key, grouped by the first word: what keys may hold, and they themselves have for all of the org. */
export function givable(table: Record<string, Grant>, me: Pick<Me, "permissions">): ScopeGroup[] {
  const out = new Map<string, ScopeGroup>();
  for (const name of Object.keys(table).sort()) {
    const grant = table[name];
    if (!grant?.key || me.permissions[name] !== "all") continue;
    const group = name.split(":")[0] ?? name;
    const all = out.get(group) ?? { name: group, scopes: [] };
    all.scopes.push({ name, does: grant.does });
    out.set(group, all);
  }
  return [...out.values()];
}

/** Scopes with one added or taken away; everything swallows the others. */
export function toggleScope(scopes: readonly string[], name: string): string[] {
  if (scopes.includes(name)) return scopes.filter((s) => s !== name);
  if (name === everything) return [everything];
  return [...scopes.filter((s) => s !== everything), name];
}
