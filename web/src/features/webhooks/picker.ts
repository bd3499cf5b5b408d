// Which events an endpoint is told of: patterns such as "*", "message.*" and "client.connected".

import type { EventInfo } from "@/api/generated";

export type EventType = Pick<EventInfo, "type" | "description" | "opt_in">;

export interface Family {
  name: string;
  /** The pattern for all of it. */
  all: string;
  types: EventType[];
}

/** The catalogue in families, in its own order. */
export function families(types: readonly EventType[]): Family[] {
  const out = new Map<string, Family>();
  for (const type of types) {
    const name = type.type.split(".")[0] ?? "";
    const family = out.get(name) ?? { name, all: `${name}.*`, types: [] };
    family.types.push(type);
    out.set(name, family);
  }
  return [...out.values()];
}

/** The pattern that takes a type in; undefined when none does. Wildcards leave out what must be named. */
export function takenBy(patterns: readonly string[], type: EventType): string | undefined {
  if (patterns.includes(type.type)) return type.type;
  if (type.opt_in) return undefined;
  return ["*", `${type.type.split(".")[0]}.*`].find((p) => patterns.includes(p));
}

/** Adds a pattern or takes it away; a wildcard swallows what it takes in anyway. */
export function toggle(patterns: readonly string[], pattern: string, catalogue: readonly EventType[]): string[] {
  if (patterns.includes(pattern)) return patterns.filter((p) => p !== pattern);
  const swallowed = (p: string) => {
    const known = catalogue.find((t) => t.type === p);
    if (known) return takenBy([pattern], known) !== undefined;
    return pattern === "*" && p.endsWith(".*");
  };
  return [...patterns.filter((p) => !swallowed(p)), pattern];
}

/** Patterns that the catalogue does not explain, such as those of events that are gone. */
export function strangers(patterns: readonly string[], catalogue: readonly EventType[]): string[] {
  const known = new Set(["*", ...catalogue.map((t) => t.type), ...families(catalogue).map((f) => f.all)]);
  return patterns.filter((p) => !known.has(p));
}

/** What is left of the catalogue when somebody looks for a word. */
export function found(all: Family[], word: string): Family[] {
  const wanted = word.trim().toLowerCase();
  if (!wanted) return all;
  return all
    .map((f) => ({ ...f, types: f.types.filter((t) => `${t.type} ${t.description}`.toLowerCase().includes(wanted)) }))
    .filter((f) => f.types.length > 0);
}
