import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Event } from "@/api/generated";
import { changedBy, Freshener, feedKey, withNewer } from "@/lib/freshen";

let made = 0;
const event = (type: string): Event => ({
  id: `evt_${++made}`,
  type,
  api_version: "2026-11-01",
  created_at: "2026-11-22T10:00:00Z",
  org_id: "org_1",
  data: {},
});

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function watched() {
  const cache = new QueryClient();
  const asked: string[] = [];
  vi.spyOn(cache, "invalidateQueries").mockImplementation(async (f) => void asked.push(String(f?.queryKey?.[0])));
  return { cache, asked, fresh: new Freshener(cache) };
}

test("a storm of events asks for each figure once in a while", async () => {
  const { asked, fresh } = watched();
  for (let ms = 0; ms < 6_000; ms += 10) {
    fresh.hear(event("message.sent"));
    await vi.advanceTimersByTimeAsync(10);
  }
  expect(asked.filter((a) => a === "overview")).toHaveLength(2);
  expect(asked.filter((a) => a === "analytics")).toHaveLength(1); // it rests longer
});

test("the last event of a storm is counted too", async () => {
  const { asked, fresh } = watched();
  fresh.touch("overview");
  await vi.advanceTimersByTimeAsync(400);
  fresh.touch("overview");
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(2_500);
  expect(asked).toHaveLength(2);
});

test("after a quiet time a change shows at once", async () => {
  const { asked, fresh } = watched();
  fresh.touch("overview");
  await vi.advanceTimersByTimeAsync(60_000);
  fresh.touch("overview");
  await vi.advanceTimersByTimeAsync(300);
  expect(asked).toHaveLength(2);
});

test("figures that are counted late are asked for again when the last event is in them", async () => {
  const { asked, fresh } = watched();
  fresh.hear(event("message.sent"));
  await vi.advanceTimersByTimeAsync(5_000);
  fresh.hear(event("message.delivered"));
  await vi.advanceTimersByTimeAsync(10_000);
  const before = asked.filter((a) => a === "overview").length;
  await vi.advanceTimersByTimeAsync(30_000);
  expect(asked.filter((a) => a === "overview")).toHaveLength(before + 1);
});

test("events reach a feed that is open, the newest first, each once", async () => {
  const { cache, fresh } = watched();
  const old = event("client.connected");
  cache.setQueryData(feedKey, [old]);
  const [a, b] = [event("message.sent"), event("message.read")];
  for (const e of [a, b, a, old]) fresh.hear(e);
  await vi.advanceTimersByTimeAsync(300);
  expect(cache.getQueryData<Event[]>(feedKey)?.map((e) => e.id)).toEqual([b.id, a.id, old.id]);
});

test("a feed that nobody opened is not begun in the middle", async () => {
  const { cache, fresh } = watched();
  fresh.hear(event("message.sent"));
  await vi.advanceTimersByTimeAsync(300);
  expect(cache.getQueryData(feedKey)).toBeUndefined();
});

test("who left hears nothing more", async () => {
  const { asked, fresh } = watched();
  fresh.hear(event("message.sent"));
  fresh.stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toEqual([]);
});

test("the feed holds no more than it can show", () => {
  const many = Array.from({ length: 300 }, () => event("message.sent"));
  const held = withNewer([], many);
  expect(held).toHaveLength(200);
  expect(held[0]?.id).toBe(many[299]?.id);
});

test.each([
  ["message.failed", "failed"],
  ["endpoint.failing", "webhooks"],
  ["org.stopped", "clients"],
  ["client.banned", "overview"],
])("%s changes %s", (type, figure) => {
  expect(changedBy(type)).toContain(figure);
});
