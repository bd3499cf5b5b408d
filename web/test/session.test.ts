import { beforeEach, expect, test, vi } from "vitest";

type Handler = (r: Request) => Response;

let asked: string[];

beforeEach(() => {
  vi.resetModules();
  asked = [];
  const kept = new Map<string, string>();
  vi.stubGlobal("localStorage", {
    getItem: (k: string) => kept.get(k) ?? null,
    setItem: (k: string, v: string) => kept.set(k, v),
    removeItem: (k: string) => kept.delete(k),
  });
  vi.stubGlobal("navigator", { languages: ["en"] });
});

// A browser resolves addresses; Node's Request wants whole ones.
const url = (path: string) => `http://chasqui.test${path}`;

async function withAnswers(answer: Handler) {
  vi.stubGlobal("fetch", async (input: RequestInfo, init?: RequestInit) => {
    const r = typeof input === "string" ? new Request(url(input), init) : input;
    asked.push(`${r.method} ${new URL(r.url).pathname} ${r.headers.get("Authorization") ?? ""}`.trim());
    return answer(r);
  });
  return import("@/lib/session");
}

const json = (status: number, body: unknown) => new Response(JSON.stringify(body), { status });

test("a token that has run out is renewed once, however many ask", async () => {
  const session = await withAnswers((r) => {
    if (r.url.endsWith("/refresh")) return json(200, { access_token: "new" });
    return r.headers.get("Authorization") === "Bearer new" ? json(200, {}) : json(401, {});
  });
  session.enter({ access_token: "old" });
  const all = await Promise.all([1, 2, 3].map(() => session.send(url("/api/v1/me"))));
  expect(all.map((r) => r.status)).toEqual([200, 200, 200]);
  expect(asked.filter((a) => a.includes("refresh"))).toHaveLength(1);
});

test("a session that is over is left, and asked for no more", async () => {
  const session = await withAnswers(() => json(401, { code: "signed_out" }));
  session.enter({ access_token: "old" });
  const left = vi.fn();
  session.onLeave(left);
  expect((await session.send(url("/api/v1/me"))).status).toBe(401);
  expect(left).toHaveBeenCalledTimes(1);
  expect(await session.resume()).toBe(false);
  expect(asked.filter((a) => a.includes("refresh"))).toHaveLength(1);
});

test("a server that is away ends no session", async () => {
  const session = await withAnswers(() => json(503, {}));
  session.enter({ access_token: "good" });
  const left = vi.fn();
  session.onLeave(left);
  expect(await session.refresh()).toBe(false);
  expect(left).not.toHaveBeenCalled();
});

test("what wants a proof is asked again after it, with its body", async () => {
  const bodies: string[] = [];
  let proved = false;
  const session = await withAnswers((r) => {
    void r.text().then((b) => bodies.push(b));
    return proved ? json(200, {}) : json(403, { code: "step_up_required" });
  });
  session.setProver(async () => {
    proved = true;
    return true;
  });
  const res = await session.send(url("/api/v1/api-keys"), { method: "POST", body: "the key" });
  expect(res.status).toBe(200);
  await vi.waitFor(() => expect(bodies).toEqual(["the key", "the key"]));
});

test("a wrong password is no reason to renew anything", async () => {
  const session = await withAnswers(() => json(401, { code: "sign_in_failed" }));
  expect((await session.send(url("/api/v1/auth/sign-in"), { method: "POST" })).status).toBe(401);
  expect(asked).toHaveLength(1);
});

test("a request says which language the page is in", async () => {
  const wanted: (string | null)[] = [];
  const session = await withAnswers((r) => {
    wanted.push(r.headers.get("Accept-Language"));
    return json(200, {});
  });
  await session.send(url("/api/v1/me"));
  vi.stubGlobal("document", { documentElement: { lang: "pt" } });
  await session.send(url("/api/v1/me"));
  vi.unstubAllGlobals();
  expect(wanted).toEqual([null, "pt"]);
});
