// A small OpenID provider, as an organisation has one: discovery, a page where
// people say who they are, codes that are good once and for who began (PKCE),
// id tokens signed by a key that it publishes.

import { createHash, generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { createServer } from "node:http";

const client = { id: "chasqui at acme", secret: "between the two of us" };

/**
 * Starts it. People are {name, email, verified, audience}: each is a button of
 * its page, and what it says of them is signed as it is given. It is another
 * site than the dashboard's, localhost and not 127.0.0.1, as providers are.
 */
export async function startProvider(people) {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const codes = new Map(); // what was asked for, by code
  const issuer = () => `http://localhost:${server.address().port}`;

  const doors = {
    "GET /.well-known/openid-configuration": (_, res) =>
      json(res, 200, {
        issuer: issuer(),
        authorization_endpoint: `${issuer()}/authorize`,
        token_endpoint: `${issuer()}/token`,
        jwks_uri: `${issuer()}/keys`,
        response_types_supported: ["code"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["RS256"],
      }),
    "GET /keys": (_, res) => json(res, 200, { keys: [{ ...publicKey.export({ format: "jwk" }), kid: "one", use: "sig", alg: "RS256" }] }),
    "GET /authorize": (req, res) => page(res, people, askedBy(req)),
    "GET /choose": (req, res) => leave(res, askedBy(req)),
    "POST /token": async (req, res) => {
      const form = new URLSearchParams(await bodyOf(req));
      const asked = codes.get(form.get("code"));
      codes.delete(form.get("code")); // good once
      const wrong = whatIsWrong(req, form, asked);
      if (wrong) return json(res, wrong === "invalid_client" ? 401 : 400, { error: wrong });
      json(res, 200, { access_token: randomUUID(), token_type: "Bearer", expires_in: 60, id_token: idToken(asked) });
    },
  };

  function leave(res, asked) {
    const back = new URL(asked.get("redirect_uri"));
    back.searchParams.set("state", asked.get("state"));
    if (asked.get("person") === "") back.searchParams.set("error", "access_denied");
    else {
      const code = randomUUID();
      codes.set(code, asked);
      back.searchParams.set("code", code);
    }
    res.writeHead(302, { Location: back.href }).end();
  }

  function idToken(asked) {
    const person = people[Number(asked.get("person"))];
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: issuer(),
      aud: person.audience ?? client.id,
      sub: person.name,
      email: person.email,
      email_verified: person.verified,
      nonce: asked.get("nonce"),
      auth_time: now,
      iat: now,
      exp: now + 60,
    };
    const text = [{ alg: "RS256", kid: "one", typ: "JWT" }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
      .join(".");
    return `${text}.${sign("sha256", Buffer.from(text), privateKey).toString("base64url")}`;
  }

  const server = createServer((req, res) => {
    const door = doors[`${req.method} ${req.url.split("?")[0]}`];
    if (door) door(req, res);
    else res.writeHead(404).end();
  });
  await new Promise((done) => server.listen(0, "localhost", done));
  return { issuer: issuer(), client, close: () => server.close() };
}

/** Why a code is not exchanged, in the words of the protocol. */
function whatIsWrong(req, form, asked) {
  const [id, secret] = Buffer.from((req.headers.authorization ?? "").replace("Basic ", ""), "base64")
    .toString()
    .split(":")
    .map((part) => decodeURIComponent(part.replaceAll("+", " ")));
  if (id !== client.id || secret !== client.secret) return "invalid_client";
  const challenge = createHash("sha256")
    .update(form.get("code_verifier") ?? "")
    .digest("base64url");
  const fits = asked && asked.get("code_challenge") === challenge && asked.get("redirect_uri") === form.get("redirect_uri");
  return fits ? "" : "invalid_grant";
}

function askedBy(req) {
  return new URL(req.url, "http://localhost").searchParams;
}

function page(res, people, asked) {
  const missing = ["client_id", "redirect_uri", "state", "nonce", "code_challenge"].filter((name) => !asked.get(name));
  if (missing.length > 0 || asked.get("client_id") !== client.id || asked.get("code_challenge_method") !== "S256") {
    return json(res, 400, { error: "invalid_request", missing });
  }
  const links = [...people.map((p) => p.name), "Nobody"].map((name, n) => {
    const to = new URLSearchParams(asked);
    to.set("person", n < people.length ? String(n) : "");
    return `<p><a href="/choose?${to}">${name}</a></p>`;
  });
  res
    .writeHead(200, { "Content-Type": "text/html" })
    .end(`<!doctype html><title>Acme</title><link rel="icon" href="data:,"><h1>Who are you?</h1>${links.join("")}`);
}

async function bodyOf(req) {
  let text = "";
  for await (const piece of req) text += piece;
  return text;
}

function json(res, status, body) {
  res.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" }).end(JSON.stringify(body));
}
