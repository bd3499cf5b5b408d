/** The token in what somebody pasted: the whole set-up link, or its end alone. */
export function tokenIn(pasted: string): string {
  const text = pasted.trim();
  const behind = text.split("#")[1] ?? text;
  return new URLSearchParams(behind).get("token") ?? text;
}
