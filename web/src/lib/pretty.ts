/**
 * Lays JSON out for people. Only white space is added and taken away: numbers of any length, escapes and what was cut
 * off stay as they came. What does not look like JSON is given back as it is.
 */
export function pretty(text: string): string {
  if (!/^\s*[[{]/.test(text)) return text;
  let out = "";
  let depth = 0;
  const line = () => `\n${"  ".repeat(Math.max(0, depth))}`;
  for (const token of text.match(/"(?:[^"\\]|\\.)*"?|[[{]\s*[\]}]|[[\]{},:]|[^\s"[\]{},:]+/gs) ?? []) {
    if (/^[[{]\s*[\]}]$/.test(token)) out += token.replace(/\s/g, "");
    else if (token === "{" || token === "[") {
      depth++;
      out += token + line();
    } else if (token === "}" || token === "]") {
      depth--;
      out += line() + token;
    } else if (token === ",") out += token + line();
    else out += token === ":" ? ": " : token;
  }
  return out;
}

/** Headers, one in a line, by name. */
export function headerLines(headers: Record<string, string[] | null> | undefined): string {
  return Object.entries(headers ?? {})
    .sort(([a], [b]) => a.localeCompare(b))
    .flatMap(([name, values]) => (values ?? []).map((v) => `${name}: ${v}`))
    .join("\n");
}
