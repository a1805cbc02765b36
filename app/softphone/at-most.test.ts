import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { atMostEvery } from "./at-most.ts";

beforeEach(() => { vi.useFakeTimers(); });
afterEach(() => { vi.useRealTimers(); });

test("draws at once, what follows shortly after once at the end, and later at once again", () => {
  let drawn = 0;
  const show = atMostEvery(200, () => drawn++);
  show();
  expect(drawn).toBe(1);
  for (let n = 0; n < 10; n++) show();
  vi.advanceTimersByTime(150);
  show();
  expect(drawn).toBe(1);
  vi.advanceTimersByTime(50);
  expect(drawn).toBe(2);
  vi.advanceTimersByTime(1_000);
  expect(drawn).toBe(2);
  show();
  expect(drawn).toBe(3);
});
