// Who is signed in. The access token lives in memory only; the refresh token is
// a cookie that no script can read. All requests of the app go through send.

import type { SignedIn } from "@/api/generated";

const hint = "chasqui.signed_in";
const refreshPath = "/api/v1/auth/refresh";

let access = "";
let refreshing: Promise<boolean> | undefined;
const leavers = new Set<() => void>();

/** Calls back when the session has ended, until the returned function is called. */
export function onLeave(f: () => void): () => void {
  leavers.add(f);
  return () => leavers.delete(f);
}

/** Takes the tokens of an answer over. */
export function enter(answer: SignedIn): void {
  access = answer.access_token ?? "";
  remember(access !== "");
}

/** Says that a session may begin elsewhere: whoever comes back from a provider has the cookie and nothing else. */
export function expectSession(): void {
  remember(true);
}

/** Forgets everything; the caller has told the API. */
export function leave(): void {
  access = "";
  remember(false);
  for (const f of leavers) f();
}

/** Reports whether there is a session, and takes up the one of an earlier visit. */
export async function resume(): Promise<boolean> {
  if (access) return true;
  // Without the hint nobody was signed in, and asking would only be refused.
  return returns() && refresh();
}

/** Gets the next tokens; false when the session is over. */
export function refresh(): Promise<boolean> {
  refreshing ??= oneAtATime(async () => {
    const res = await fetch(refreshPath, { method: "POST" });
    if (res.ok) {
      enter((await res.json()) as SignedIn);
      return true;
    }
    if (res.status === 401) leave();
    return false;
  }).finally(() => {
    refreshing = undefined;
  });
  return refreshing;
}

// Two tabs share the cookie: one that was used twice looks stolen.
async function oneAtATime(f: () => Promise<boolean>): Promise<boolean> {
  return navigator.locks ? await navigator.locks.request("chasqui-refresh", f) : f();
}

/** Proves anew who the user is; true when they did. */
export type Prover = () => Promise<boolean>;

let prove: Prover = async () => false;

/** Sets who asks the user to prove who they are. */
export function setProver(p: Prover): void {
  prove = p;
}

/**
 * fetch with the session: adds the token, renews it when it has run out, and
 * lets the user prove who they are where the API asks for that.
 */
export async function send(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init);
  const again = request.clone();
  const res = await fetch(signed(request));
  if (new URL(request.url).pathname.startsWith("/api/v1/auth/") && !request.url.endsWith("/step-up")) return res;
  if (res.status === 401 && (await refresh())) return fetch(signed(again));
  if (res.status === 403 && (await wantsProof(res)) && (await prove())) return fetch(signed(again));
  return res;
}

async function wantsProof(res: Response): Promise<boolean> {
  const body = (await res
    .clone()
    .json()
    .catch(() => undefined)) as { code?: string } | undefined;
  return body?.code === "step_up_required";
}

function signed(r: Request): Request {
  if (access) r.headers.set("Authorization", `Bearer ${access}`);
  const language = typeof document === "undefined" ? "" : document.documentElement.lang;
  if (language) r.headers.set("Accept-Language", language); // the API says faults of fields in it
  return r;
}

function remember(yes: boolean): void {
  try {
    if (yes) localStorage.setItem(hint, "1");
    else localStorage.removeItem(hint);
  } catch {
    // Storage is forbidden: the next visit begins with signing in.
  }
}

/** Reports whether somebody was signed in when this browser was here last. */
export function returns(): boolean {
  try {
    return localStorage.getItem(hint) !== null;
  } catch {
    return false;
  }
}
