/** A browser and a system, out of what a browser says of itself. */
export function device(agent: string): string {
  const browser = /Edg\//.test(agent) ? "Edge" : (/(Firefox|Chrome|Safari|curl)/.exec(agent)?.[1] ?? "");
  const system = /(Android|iPhone|iPad|Windows|Mac OS X|Linux)/.exec(agent)?.[1] ?? "";
  return [browser, system].filter(Boolean).join(", ") || agent.slice(0, 60) || "?";
}
