// A conversation of any length, served by this process: the dashboard as built,
// and as much of the API as the inbox asks for. No database is needed to see
// whether a hundred thousand messages scroll.

import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize, resolve } from "node:path";

const kinds = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const policy =
  "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const began = Date.UTC(2026, 0, 1);
const apart = 157_000;
const words = "Hello there, is my order on its way? I ordered it last week and have heard nothing since. Thank you very much!".split(" ");
const permissions = [
  "messages:read",
  "messages:send",
  "messages:write",
  "contacts:read",
  "chats:write",
  "clients:read",
  "events:read",
  "users:read",
];

/** Serves a chat of so many messages; gives where, and what has been asked. */
export async function serveLong({ count, dist }) {
  const root = resolve(dist);
  const asked = [];
  const streams = new Set();
  const said = []; // what was written since, after the count
  let gate = Promise.resolve();

  const message = (i) => said[i - count] ?? made(i);
  const total = () => count + said.length;
  const page = (from, to) => {
    const [low, high] = [Math.max(0, from), Math.min(total(), to)];
    const data = [];
    for (let i = high - 1; i >= low; i--) data.push(message(i));
    return { data, next: low > 0 ? `o${low}` : null, prev: high < total() ? `n${high}` : null };
  };
  const messages = (q) => {
    const limit = Number(q.get("limit") ?? 50);
    const cursor = q.get("cursor") ?? "";
    const at = Number(cursor.slice(1));
    if (q.get("around")) return page(indexOf(q.get("around")) - limit / 2, indexOf(q.get("around")) + limit / 2);
    if (cursor.startsWith("o")) return page(at - limit, at);
    if (cursor.startsWith("n")) return page(at, at + limit);
    return page(total() - limit, total());
  };
  const chat = () => ({
    ...{ id: "chat_long", client_id: "cli_1", kind: "direct", contact_id: "con_1", name: "Ana", phone: "+5511987654321", unread: 0 },
    ...{ created_at: new Date(began).toISOString(), last_message_at: message(total() - 1).created_at },
    last_message: { ...message(total() - 1), preview: message(total() - 1).text.body },
  });
  const tell = (event) => {
    for (const s of streams) s.write(`id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  };

  const answers = {
    "POST /api/v1/auth/refresh": () => ({ access_token: "at", expires_in: 3600 }),
    "GET /api/v1/me": () => ({
      ...{ fresh: true, second_factor_due: false, org: { id: "org_1", name: "Long", created_at: new Date(began).toISOString() } },
      user: { id: "usr_1", name: "Ada", email: "ada@example.com", role: "admin", status: "active" },
      permissions: Object.fromEntries(permissions.map((p) => [p, "all"])),
    }),
    "GET /api/v1/clients": () => ({ data: [{ id: "cli_1", name: "Support", phone: "+5511912345678", status: "connected" }], next: null }),
    "GET /api/v1/users": () => ({ data: [], next: null }),
    "GET /api/v1/org/stop": () => ({ data: [] }),
    "GET /api/v1/chats": () => ({ data: [chat()], next: null }),
    "GET /api/v1/chats/chat_long": chat,
    "POST /api/v1/chats/chat_long/read": chat,
  };

  const server = createServer(async (req, res) => {
    const url = new URL(req.url, "http://localhost");
    const name = `${req.method} ${url.pathname}`;
    if (!url.pathname.startsWith("/api/")) return serveFile(root, url.pathname, res);
    if (url.pathname === "/api/v1/events/stream") {
      res.writeHead(200, { "Content-Type": "text/event-stream" });
      res.write(": hello\n\n");
      streams.add(res);
      return req.on("close", () => streams.delete(res));
    }
    if (name === "GET /api/v1/messages" && url.searchParams.get("chat")) {
      asked.push(url.search);
      await gate;
      return json(res, 200, messages(url.searchParams));
    }
    const one = /^GET \/api\/v1\/messages\/(msg_\d+)$/.exec(name);
    if (one) return json(res, 200, message(indexOf(one[1])));
    if (answers[name]) return json(res, 200, answers[name](url.searchParams));
    json(res, 404, { type: "about:blank", title: "Not here", status: 404, code: "not_found", request_id: "req_1" });
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    asked,
    /** Holds the answers of message pages until the returned function is called. */
    hold() {
      let open;
      gate = new Promise((done) => (open = done));
      return open;
    },
    /** Somebody writes. */
    write(body) {
      const i = total();
      said.push({ ...made(i), direction: "inbound", status: "received", origin: "contact", text: { body } });
      tell({
        id: `evt_${i}`,
        type: "message.received",
        client_id: "cli_1",
        created_at: message(i).created_at,
        data: { message: message(i) },
      });
      return message(i).id;
    },
    stop() {
      for (const s of streams) s.end();
      return new Promise((done) => server.close(done));
    },
  };
}

export const idOf = (i) => `msg_${String(i).padStart(9, "0")}`;
const indexOf = (id) => Number(id.slice(4));

// Every message is made of its number: some short, some long, some answers.
function made(i) {
  const outbound = i % 3 === 0;
  const long = i % 17 === 0 ? 60 : 3 + (i % 11);
  const body = `${i}: ${Array.from({ length: long }, (_, n) => words[(i + n) % words.length]).join(" ")}`;
  const at = new Date(began + i * apart).toISOString();
  return {
    ...{
      id: idOf(i),
      client_id: "cli_1",
      chat_id: "chat_long",
      type: "text",
      text: { body },
      lane: "normal",
      provider: "whatsmeow",
      attempts: 1,
    },
    ...{ direction: outbound ? "outbound" : "inbound", origin: outbound ? "dashboard" : "contact", status: outbound ? "read" : "received" },
    ...{ created_at: at, updated_at: at },
    ...(i % 23 === 7 ? { reply_to: idOf(i - 5) } : {}),
  };
}

function json(res, status, body) {
  res.writeHead(status, { "Content-Type": status < 400 ? "application/json" : "application/problem+json" });
  res.end(JSON.stringify(body));
}

function serveFile(root, path, res) {
  const wanted = join(root, normalize(path));
  const file = wanted.startsWith(root) && extname(wanted) && existsSync(wanted) ? wanted : join(root, "index.html");
  res.writeHead(200, { "Content-Type": kinds[extname(file)] ?? "application/octet-stream", "Content-Security-Policy": policy });
  createReadStream(file).pipe(res);
}
