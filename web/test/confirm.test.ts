import { expect, test } from "vitest";
import { isTyped } from "@/components/Confirm";

test.each([
  ["+5511987654321", "+5511987654321", true],
  ["+55 11 98765-4321", "+5511987654321", true],
  ["5511987654321", "+5511987654321", true],
  ["+5511987654322", "+5511987654321", false],
  ["", "+5511987654321", false],
  [" Shop ", "Shop", true],
  ["shop", "Shop", false],
  ["My Org", "MyOrg", false],
])("%j for %j: %s", (typed, wanted, is) => {
  expect(isTyped(typed, wanted)).toBe(is);
});
