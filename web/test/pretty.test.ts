import { expect, test } from "vitest";
import { headerLines, pretty } from "@/lib/pretty";

test.each([
  '{"a":1}',
  '{"id":"evt_1","data":{"text":{"body":"a \\"quoted\\" {brace}, [x]: \\u003cb\\u003e\\\\"},"list":[1,2,{"x":null}],"none":{},"empty":[]}}',
  '[{"a":[[]]},true]',
])("is laid out as JSON.stringify does: %s", (text) => {
  expect(pretty(text)).toBe(JSON.stringify(JSON.parse(text), null, 2).replaceAll("<", "\\u003c").replaceAll(">", "\\u003e"));
});

test("what is in it stays as it came", () => {
  expect(pretty('{"n":12345678901234567890}')).toContain("12345678901234567890");
  expect(pretty('{"a":"b  c')).toBe('{\n  "a": "b  c'); // cut off
  expect(pretty('{"a":[1,\n2,"x')).toContain('"x');
  expect(pretty("<h1>no</h1>")).toBe("<h1>no</h1>");
  expect(pretty("")).toBe("");
});

test("headers are lines by name", () => {
  expect(headerLines({ B: ["2"], A: ["1", "one"], C: null })).toBe("A: 1\nA: one\nB: 2");
  expect(headerLines(undefined)).toBe("");
});
