// What the platform holds while its pages are looked at: the days of a small
// company, and, where it is asked for, texts that somebody hopes are markup.

import { createServer } from "node:http";
import { apiOf, pause, phones, scan } from "./stack.mjs";

const support = "5511912345678";
const sales = "6281111111111";

const talks = [
  ["5511987654321", "Ana Souza", ["Do you deliver on Saturdays?", "Great, see you then!"], "Yes, until two in the afternoon."],
  ["447700900123", "Tom Hughes", ["My order 4711 has not come yet."], "Sorry to hear that. I am looking into it."],
  ["6281234567890", "Dewi Lestari", ["Terima kasih!"], ""],
  ["5215512345678", "Luis Hernández", ["¿Tienen tallas grandes?", "Gracias"], "Sí, hasta la 46."],
  ["351912345678", "Rita Almeida", ["Recebi o pacote, tudo certo."], "Que bom! Obrigado por avisar."],
];

export const password = "seven quiet llamas on the ridge";

// What each of these would do is seen by what checks.mjs looks for.
export const hostile = {
  image: `<img src=x onerror="window.hostile=1">`,
  script: `"><script>window.hostile=2</script><b data-hostile>`,
  backwards: "\u202Etxt.exe\u202D invoice",
};

const word = (length) => "Donaudampfschifffahrt".repeat(Math.ceil(length / 21)).slice(0, length);

/** Fills a fresh stack; gives the ids that pages are found by, and how to stop what was started for it. */
export async function fill(info, { withHostile = false } = {}) {
  const api = patient(apiOf(info));
  const admin = await signedIn(info, info.email, info.password);
  const receiver = await listen();
  const world = { info, api, admin, stop: () => receiver.close() };
  world.support = await number(info, api, "Support", support);
  world.sales = await number(info, api, "Sales Jakarta", sales);
  world.fresh = await api("POST", "/api/v1/clients", { name: "Campaigns" });
  await connected(api, 2);
  await talk(world);
  await tell(world, receiver.origin);
  await admit(world);
  if (withHostile) await addHostile(world, receiver.origin);
  await settle(world);
  return world;
}

/** Asks again where the API says that it is only busy: other tests may be at work on this machine. */
function patient(call) {
  return async (...request) => {
    for (let n = 0; ; n++) {
      try {
        return await call(...request);
      } catch (err) {
        if (n >= 8 || !err.message.includes('"status":503')) throw err;
        await pause(1000);
      }
    }
  };
}

async function number(info, api, name, phone) {
  const client = await api("POST", "/api/v1/clients", { name });
  await api("POST", `/api/v1/clients/${client.id}/pair`, { method: "qr" });
  await scan(info, client.id, phone);
  return client;
}

async function connected(api, count) {
  for (let n = 0; n < 150; n++) {
    const { data } = await api("GET", "/api/v1/clients");
    if (data.filter((c) => c.status === "connected").length >= count) return;
    await pause(200);
  }
  throw new Error("the numbers did not come online");
}

async function talk({ info, api, support: client, sales: other }) {
  for (const [from, name, said, answer] of talks) {
    await phones(info, "/phones", { number: from, name });
    await phones(info, "/write", { from, to: support, text: said[0] });
    if (answer) await send(api, client.id, from, answer);
  }
  await answered(api);
  for (const [from, , [, more]] of talks) if (more) await phones(info, "/write", { from, to: support, text: more });
  await phones(info, "/write", { from: talks[2][0], to: sales, text: "Apakah toko buka hari ini?" });
  await send(api, other.id, talks[2][0], "Buka sampai jam delapan malam.");
}

/** Waits until the answers went out, and a second more: WhatsApp's times have no parts of seconds. */
async function answered(api) {
  for (let n = 0; n < 150; n++) {
    const { data } = await api("GET", "/api/v1/messages?direction=outbound&status=queued,sending");
    if (data.length === 0) return pause(1100);
    await pause(200);
  }
}

const send = (api, client, to, body) => api("POST", `/api/v1/clients/${client}/messages`, { to: `+${to}`, type: "text", text: { body } });

/** Endpoints: one that answers, one that does not. */
async function tell(world, origin) {
  const { api, admin } = world;
  // A receiver of this machine speaks no TLS.
  await admin("PATCH", "/api/v1/org", { settings: { allow_http_webhooks: true } });
  world.hook = await api("POST", "/api/v1/webhooks", {
    url: `${origin}/orders`,
    description: "Order system",
    events: ["message.*", "client.*"],
  });
  await api("POST", `/api/v1/webhooks/${world.hook.id}/test`);
  world.brokenHook = await api("POST", "/api/v1/webhooks", {
    url: `${origin}/broken`,
    description: "Old stock list",
    events: ["client.*"],
  });
  await api("POST", `/api/v1/webhooks/${world.brokenHook.id}/test`);
}

/** People and keys. */
async function admit(world) {
  const { info, admin } = world;
  world.viewer = await hire(info, admin, "vera@example.com", "Vera Lind", "viewer");
  world.agent = await hire(info, admin, "ana@example.com", "Ana Reyes", "agent");
  await admin("PUT", `/api/v1/users/${world.agent.id}/assignments`, { clients: [world.support.id] });
  world.invitation = new URL((await admin("POST", "/api/v1/invitations", { email: "mara@example.com", role: "manager" })).link);
  world.key = await admin("POST", "/api/v1/api-keys", {
    name: "Order system",
    scopes: ["messages:send", "messages:read", "contacts:read"],
    networks: ["203.0.113.0/24"],
    expires_at: new Date(Date.now() + 90 * 86_400_000).toISOString(),
  });
}

/** Invites somebody, who accepts. */
export async function hire(info, admin, email, name, role) {
  const { link } = await admin("POST", "/api/v1/invitations", { email, role });
  const token = new URLSearchParams(new URL(link).hash.slice(1)).get("token");
  const { user } = await door(info, "accept-invitation", { token, name, password, refresh_in: "body" });
  return { id: user.id, email, password };
}

async function addHostile(world, origin) {
  const { info, api, admin } = world;
  world.hostileClient = await api("POST", "/api/v1/clients", { name: hostile.image });
  await api("POST", "/api/v1/clients", { name: hostile.script.slice(0, 100) });
  await api("POST", "/api/v1/clients", { name: word(90) });
  const said = [hostile.image, hostile.script, hostile.backwards, word(5000)];
  for (const [n, text] of said.entries()) {
    const from = `54911555512${10 + n}`;
    await phones(info, "/phones", { number: from, name: text.slice(0, 2000) });
    await phones(info, "/write", { from, to: support, text });
  }
  for (const text of said) await phones(info, "/write", { from: "5491155551299", to: support, text });
  world.hostilePhone = "5491155551299";
  await phones(info, "/phones", { number: world.hostilePhone, name: hostile.image });
  await send(api, world.support.id, world.hostilePhone, `${hostile.image} ${word(5000)}`);
  for (const text of [word(500), hostile.backwards, hostile.script, hostile.image]) {
    const hook = await api("POST", "/api/v1/webhooks", { url: `${origin}/hostile`, description: text, events: ["client.*"] });
    await api("POST", `/api/v1/webhooks/${hook.id}/test`);
    world.hostileHook = hook; // the last is looked at
    await admin("POST", "/api/v1/api-keys", { name: text.slice(0, 100), scopes: ["clients:read"] });
  }
  await hire(info, admin, "mallory@example.com", hostile.image, "viewer");
}

/** Waits until what was sent and told has come to rest. */
async function settle(world) {
  const { api } = world;
  for (let n = 0; n < 100; n++) {
    const [waiting, heard] = await Promise.all([
      api("GET", "/api/v1/messages?status=queued"),
      api("GET", `/api/v1/webhooks/${world.hook.id}/deliveries?status=delivered`),
    ]);
    if (waiting.data.length === 0 && heard.data.length > 0) break;
    await pause(200);
  }
  const { data: chats } = await api("GET", `/api/v1/chats?client=${world.support.id}&limit=100`);
  const { data: contacts } = await api("GET", "/api/v1/contacts?limit=200");
  const whose = (phone) => contacts.find((c) => c.phone === `+${phone}`)?.id;
  const chatOf = (phone) => chats.find((c) => c.contact_id === whose(phone) || c.phone === `+${phone}`) ?? chats[0];
  world.chat = chatOf(talks[0][0]);
  if (world.hostilePhone) world.hostileChat = chatOf(world.hostilePhone);
}

/** A receiver of webhooks. */
async function listen() {
  const server = createServer((req, res) => {
    req.resume().on("end", () => {
      if (req.url === "/orders") return res.end("ok");
      res.writeHead(500, { "Content-Type": "text/html", "X-Hint": "<b data-hostile>" });
      res.end(`<h1>Sorry</h1>${hostile.image}${hostile.script}${word(5000)}`);
    });
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

async function door(info, name, body) {
  const res = await fetch(`${info.api_url}/api/v1/auth/${name}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!res.ok) throw new Error(`${name}: ${res.status} ${await res.text()}`);
  return res.json();
}

/** Calls the API as somebody who is signed in. */
export async function signedIn(info, email, secret) {
  const { access_token: token } = await door(info, "sign-in", { email, password: secret, refresh_in: "body" });
  const call = apiOf({ ...info, api_key: "" });
  return patient((method, path, body) => call(method, path, body, { Authorization: `Bearer ${token}` }));
}
