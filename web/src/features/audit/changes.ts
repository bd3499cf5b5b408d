// What a line of the log says was changed, field by field.

export interface Change {
  /** Where it stands, such as "settings.session_hours". */
  path: string;
  before: string | undefined;
  after: string | undefined;
  changed: boolean;
}

/** The fields of both sides in the order they come; a side that there is not has none. */
export function changes(before: unknown, after: unknown): Change[] {
  const was = flatten(before);
  const is = flatten(after);
  return [...new Set([...was.keys(), ...is.keys()])].map((path) => ({
    path,
    before: was.get(path),
    after: is.get(path),
    changed: was.get(path) !== is.get(path),
  }));
}

function flatten(value: unknown, path = "", out = new Map<string, string>()): Map<string, string> {
  if (value === null || value === undefined) {
    if (path) out.set(path, "");
    return out;
  }
  if (Array.isArray(value) && value.every((v) => typeof v !== "object")) return out.set(path, value.join(", "));
  if (typeof value !== "object") return out.set(path, String(value));
  for (const [name, v] of Object.entries(value)) flatten(v, path ? `${path}.${name}` : name, out);
  return out;
}
