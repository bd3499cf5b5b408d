import { expect, test } from "vitest";
import { reader, type ServerEvent } from "@/lib/sse";

const text = ': listening\n\nid: evt_1\nevent: message.sent\ndata: {"a":\ndata: 1}\n\nevent: qr\r\ndata:x\r\n\r\nid: evt_2\n\n';

test.each([1, 2, 7, 1000])("events are read whole, in pieces of %i", (size) => {
  const got: ServerEvent[] = [];
  const feed = reader((e) => got.push(e));
  for (let at = 0; at < text.length; at += size) feed(text.slice(at, at + size));
  expect(got).toEqual([
    { id: "evt_1", event: "message.sent", data: '{"a":\n1}' },
    { id: "", event: "qr", data: "x" },
  ]);
});
