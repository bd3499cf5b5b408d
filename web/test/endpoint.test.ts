import { expect, test } from "vitest";
import type { Endpoint } from "@/api/generated";
import { queryOf } from "@/features/webhooks/DeliveryFilters";
import { draftOf, newWebhook, webhookChange } from "@/features/webhooks/draft";

const kept: Endpoint = {
  id: "ep_1",
  url: "https://example.com/h",
  description: "Orders",
  events: ["message.*"],
  clients: ["cli_1"],
  payload: "thin",
  ordered: true,
  batch: 10,
  headers: { "X-Token": "***" },
  max_in_flight: 4,
  rate: 7,
  timeout_ms: 2500,
  enabled: true,
  health: { state: "ok" },
  created_at: "",
  updated_at: "",
};

test("a change that changes nothing says what is, and leaves the headers alone", () => {
  const body = webhookChange(draftOf(kept));
  expect(body).toEqual({
    url: kept.url,
    description: "Orders",
    events: ["message.*"],
    clients: ["cli_1"],
    directions: [],
    chat_kinds: [],
    payload: "thin",
    ordered: true,
    batch: 10,
    max_in_flight: 4,
    rate: 7,
    timeout_ms: 2500,
  });
});

test("headers that were replaced are all sent, and an emptied limit is taken away", () => {
  const body = webhookChange({
    ...draftOf(kept),
    headers: [
      { name: " X-New ", value: "a" },
      { name: "", value: "b" },
    ],
    rate: undefined,
  });
  expect([body.headers, body.rate]).toEqual([{ "X-New": "a" }, null]);
});

test("without order there are no batches", () => {
  expect(webhookChange({ ...draftOf(kept), ordered: false }).batch).toBe(1);
});

test("a new endpoint is asked for without what is empty", () => {
  const body = newWebhook({ ...draftOf(), url: " https://example.com " });
  expect(body.url).toBe("https://example.com");
  for (const field of ["description", "rate", "headers"]) expect(body).not.toHaveProperty(field);
});

test("a filter that is still being typed narrows nothing", () => {
  expect(queryOf({ message: "msg_01", lastStatus: "5", since: "" })).toEqual({});
  const id = `msg_${"0".repeat(26)}`;
  expect(queryOf({ message: ` ${id} `, lastStatus: "500", status: "pending" })).toEqual({
    message: id,
    last_status: 500,
    status: "pending",
  });
});
