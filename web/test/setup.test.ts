import { expect, test } from "vitest";
import { tokenIn } from "@/features/setup/token";

test.each([
  ["https://chat.example.com/set-up#token=abc_DEF-1", "abc_DEF-1"],
  ["  #token=abc  ", "abc"],
  ["token=abc", "abc"],
  ["abc_DEF-1", "abc_DEF-1"],
])("the token of %s", (pasted, token) => {
  expect(tokenIn(pasted)).toBe(token);
});
