import { expect, test } from "vitest";
import { waitBefore } from "./back-off.ts";

const backOff = { firstMs: 400, longestMs: 15_000 };

test("the wait doubles and stays under its bound", () => {
  const longest = Array.from({ length: 9 }, (_, attempt) => waitBefore(attempt, backOff, () => 1));
  expect(longest).toEqual([400, 800, 1600, 3200, 6400, 12800, 15000, 15000, 15000]);
  expect(waitBefore(100_000, backOff, () => 1)).toBe(15_000);
});

test("chance spreads it between half and all of the bound", () => {
  expect(waitBefore(3, backOff, () => 0)).toBe(1600);
  expect(waitBefore(3, backOff, () => 0.5)).toBe(2400);
});
