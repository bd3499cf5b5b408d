import { QueryClient } from "@tanstack/react-query";
import { afterEach, expect, test, vi } from "vitest";
import type { Chat, Event, Message } from "@/api/generated";
import { client } from "@/api/generated/client.gen";
import { type ChatPages, chatsKey, dropContact, everyChat, fits, place, putChat, putContact, touch, touchChats } from "@/lib/chats";
import { apply } from "@/lib/live";

const at = (minute: number) => `2026-11-22T10:${String(minute).padStart(2, "0")}:00Z`;

const chat = (id: string, minute: number, more: Partial<Chat> = {}): Chat => ({
  id,
  client_id: "cli_1",
  kind: "direct",
  contact_id: `con_${id}`,
  name: id,
  phone: "+5511987654321",
  unread: 0,
  last_message: null,
  last_message_at: at(minute),
  created_at: at(0),
  ...more,
});

const message = (chatID: string, minute: number, more: Partial<Message> = {}): Message => ({
  id: `msg_${minute}`,
  client_id: "cli_1",
  chat_id: chatID,
  direction: "inbound",
  origin: "contact",
  type: "text",
  text: { body: "Hi\n\nthere" },
  status: "received",
  lane: "normal",
  provider: "whatsmeow",
  attempts: 0,
  created_at: at(minute),
  updated_at: at(minute),
  ...more,
});

const pages = (next: string | null, ...data: Chat[][]): ChatPages => ({
  pages: data.map((d, i) => ({ data: d, prev: null, next: i < data.length - 1 ? "n" : next })),
  pageParams: data.map(() => ""),
});
const ids = (p: ChatPages | undefined) => p?.pages.flatMap((o) => o.data.map((c) => c.id));
const list = (next: string | null = null) => pages(next, [chat("d", 40), chat("c", 30)], [chat("b", 20), chat("a", 10)]);

test.each([
  ["one that moved comes first", chat("a", 50), null, ["a", "d", "c", "b"]],
  ["a new one comes where it belongs", chat("x", 25), null, ["d", "c", "x", "b", "a"]],
  ["one older than the page waits for its page", chat("x", 5), "n", ["d", "c", "b", "a"]],
  ["and comes last where nothing is behind", chat("x", 5), null, ["d", "c", "b", "a", "x"]],
])("%s", (_, c, next, want) => {
  expect(ids(place(list(next), c, everyChat, "usr_1"))).toEqual(want);
});

test("what fits a filter no more stays where it is, and what does not fit is not put there", () => {
  const unread = { ...everyChat, unread: true };
  expect(ids(place(list(), chat("c", 30, { unread: 0 }), unread, "usr_1"))).toEqual(["d", "c", "b", "a"]);
  expect(ids(place(list(), chat("x", 50, { unread: 0 }), unread, "usr_1"))).toEqual(["d", "c", "b", "a"]);
});

test("a search keeps its order", () => {
  expect(ids(place(list(), chat("a", 50), { ...everyChat, q: "a" }, "usr_1"))).toEqual(["d", "c", "b", "a"]);
});

test.each([
  [{}, true],
  [{ q: "an" }, false],
  [{ client: "cli_2" }, false],
  [{ unread: true }, false],
  [{ assigned: "me" as const }, true],
  [{ assigned: "none" as const }, false],
])("a chat of mine under %j", (f, want) => {
  expect(fits(chat("a", 1, { assigned_to: "usr_1" }), { ...everyChat, ...f }, "usr_1")).toBe(want);
});

test("a message is news once, and its receipts are none", () => {
  const once = touch(chat("a", 10), message("a", 20));
  expect(once.unread).toBe(1);
  expect(once.last_message?.preview).toBe("Hi there");
  expect(touch(once, message("a", 20)).unread).toBe(1);
  expect(touch(once, message("a", 15)).unread).toBe(1);
  const sent = touch(once, message("a", 30, { direction: "outbound", status: "sent" }));
  expect(touch(sent, message("a", 30, { direction: "outbound", status: "read" })).last_message?.status).toBe("read");
});

test("of what people write in one second each counts", () => {
  const second = { created_at: at(20) };
  const [a, b] = [message("a", 20, { id: "msg_01", ...second }), message("a", 20, { id: "msg_02", ...second })];
  const both = [a, b].reduce(touch, chat("a", 10));
  expect(both.unread).toBe(2);
  expect(both.last_message?.id).toBe("msg_02");
  expect([a, b].reduce(touch, both).unread).toBe(2);
});

afterEach(() => vi.useRealTimers());

// The API counts; its answers take their time, and know nothing of what came meanwhile.
test.each([
  ["a chat that is listed", list()],
  ["a chat that no list shows yet", pages(null, [chat("d", 40)])],
])("whatever comes while %s is asked for, all is counted in the end", async (_, listed) => {
  vi.useFakeTimers();
  const cache = new QueryClient();
  cache.setQueryData(chatsKey(everyChat), listed);
  let come: Message[] = [];
  let asked = 0;
  client.setConfig({
    baseUrl: "http://chasqui.test",
    fetch: async () => {
      const last = come.reduce((x, y) => (y.created_at >= x.created_at ? y : x));
      const said = { ...last, preview: last.text?.body ?? "" };
      const answer = chat("a", 10, { unread: come.length, last_message_at: last.created_at, last_message: said });
      await new Promise((done) => setTimeout(done, ++asked % 2 ? 700 : 50));
      return Response.json(answer);
    },
  });
  for (let n = 0; n < 20; n++) {
    const m = message("a", 50 + Math.floor(n / 8), { id: `msg_${10 + n}`, text: { body: `line ${n}` } });
    if (n === 12) m.created_at = at(20); // WhatsApp's own time may be before what was said last
    come = [...come, m];
    apply(cache, { id: `evt_${n}`, type: "message.received", client_id: "cli_1", data: { message: m } } as unknown as Event);
    await vi.advanceTimersByTimeAsync(150);
  }
  await vi.advanceTimersByTimeAsync(5_000);
  const shown = cache.getQueryData<ChatPages>(chatsKey(everyChat))?.pages[0]?.data?.find((c) => c.id === "a");
  expect(shown?.unread).toBe(20);
  expect(shown?.last_message?.preview).toBe("line 19");
  expect(asked).toBeLessThan(12);
});

test("a chat has the time of what was said last, when it leaves at the latest", () => {
  const waiting = chat("a", 10, { last_message: { ...message("a", 30, { direction: "outbound", status: "queued" }), preview: "Hi" } });
  const sent = touch(waiting, message("a", 30, { direction: "outbound", status: "sent", sent_at: at(31) }));
  expect(sent.last_message_at).toBe(at(31));
  expect(touch(sent, message("a", 30, { direction: "outbound", status: "read", sent_at: at(31) })).last_message_at).toBe(at(31));

  const cache = new QueryClient();
  cache.setQueryData(["chat", "a"], chat("a", 10));
  touchChats(cache, message("a", 50, { direction: "outbound", status: "queued" }));
  putChat(cache, chat("a", 10, { assigned_to: "usr_1" })); // somebody takes it while the message still waits
  expect(cache.getQueryData<Chat>(["chat", "a"])).toMatchObject({ last_message_at: at(50), assigned_to: "usr_1" });
});

test("events reach every list and the open chat, and take nothing away that they do not tell", () => {
  const cache = new QueryClient();
  cache.setQueryData(chatsKey(everyChat), list());
  cache.setQueryData(["chat", "a"], chat("a", 10));
  expect(touchChats(cache, message("a", 50))).toBe(true);
  expect(ids(cache.getQueryData(chatsKey(everyChat)))).toEqual(["a", "d", "c", "b"]);
  expect(cache.getQueryData<Chat>(["chat", "a"])?.unread).toBe(1);

  const { name: _, phone: __, last_message: ___, ...state } = chat("a", 50, { unread: 0 });
  putChat(cache, state as Chat);
  const after = cache.getQueryData<Chat>(["chat", "a"]);
  expect(after?.unread).toBe(0);
  expect(after?.name).toBe("a");
  expect(after?.last_message?.preview).toBe("Hi there");

  putContact(cache, { id: "con_a", name: "Ana", created_at: at(0), updated_at: at(0) });
  expect(cache.getQueryData<Chat>(["chat", "a"])?.name).toBe("Ana");
  expect(touchChats(cache, message("unheard of", 51))).toBe(false);
});

test("a person who was erased is gone from every list and page, and nobody else is", () => {
  const cache = new QueryClient();
  const group = chat("g", 35, { kind: "group", contact_id: "con_c" });
  cache.setQueryData(chatsKey(everyChat), pages(null, [chat("d", 40), group, chat("c", 30)], [chat("e", 20, { contact_id: "con_c" })]));
  cache.setQueryData(["chat", "f"], chat("f", 10, { contact_id: "con_c" }));
  cache.setQueryData(["messages", "c", ""], { pages: [], pageParams: [] });
  expect([...dropContact(cache, "con_c")].sort()).toEqual(["c", "e", "f"]);
  expect(ids(cache.getQueryData(chatsKey(everyChat)))).toEqual(["d", "g"]);
  expect(cache.getQueryData(["chat", "f"])).toBeUndefined();
  expect(cache.getQueryData(["messages", "c", ""])).toBeUndefined();
});
