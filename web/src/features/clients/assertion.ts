// A passkey of WhatsApp can be used on web.whatsapp.com only: the browser sees to it. So a person runs a few lines there, in
// the console, and brings back what they print.

/** The page on which a passkey of WhatsApp can be used. */
export const passkeyPage = "https://web.whatsapp.com";

// What a request may hold: all that navigator.credentials.get knows.
const parts = ["challenge", "timeout", "rpId", "allowCredentials", "userVerification", "extensions"] as const;

/** The lines to run on that page. The request comes from outside: it goes in as a text and is only ever read as data. */
export function snippet(request: unknown): string {
  return `(async () => {
  const keep = typeof copy === "function" ? copy : () => {};
  const request = JSON.parse(${literal(JSON.stringify(whole(request)))});
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(request);
  const { id, rawId, type, response: r } = await navigator.credentials.get({ publicKey });
  const text = (bytes) => bytes && btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const answer = JSON.stringify({ id, rawId: text(rawId), type, response: {
    clientDataJSON: text(r.clientDataJSON), authenticatorData: text(r.authenticatorData),
    signature: text(r.signature), userHandle: text(r.userHandle) } });
  try { keep(answer); } catch {}
  console.log(answer);
})();`;
}

/** A request without the parts that are empty, which browsers do not take. */
function whole(request: unknown): Record<string, unknown> {
  const given = isObject(request) ? request : {};
  const out: Record<string, unknown> = {};
  for (const part of parts) if (Object.hasOwn(given, part) && isThere(given[part])) out[part] = given[part];
  if (Array.isArray(out.allowCredentials)) {
    out.allowCredentials = out.allowCredentials
      .filter(isObject)
      .map(({ id, type, transports }) => ({ id, type, transports: transports ?? [] }));
  }
  return out;
}

const isObject = (v: unknown): v is Record<string, unknown> => typeof v === "object" && v !== null && !Array.isArray(v);
const isThere = (v: unknown) => v !== null && v !== undefined && v !== "" && v !== 0;

/** A text as JavaScript writes it, in letters that no page and no terminal reads otherwise. */
const literal = (text: string) =>
  JSON.stringify(text).replace(/[^\x20-\x7e]|[<>&]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** The answer that somebody pasted, or undefined when it is none. Some consoles print quotes around it. */
export function readAnswer(pasted: string): Record<string, unknown> | undefined {
  const text = pasted.trim().replace(/^(['"`])(\{.*\})\1$/s, "$2");
  try {
    const answer: unknown = JSON.parse(text);
    return isObject(answer) ? answer : undefined;
  } catch {
    return undefined;
  }
}
