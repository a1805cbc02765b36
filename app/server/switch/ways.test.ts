import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Ways, type Neighbour } from "./ways.ts";

beforeEach(() => { vi.useFakeTimers(); });
afterEach(() => { vi.useRealTimers(); });

function neighbour(name: string, more: Partial<Neighbour> = {}) {
  const knows = new Set<string>();
  return Object.assign({ ready: true, coreUuid: name, meshAddress: `${name}:5080`, knowsWayTo: async (address: string) => knows.has(address) } as Neighbour, more, { knows });
}

test("people are sent to a new switch when the others can send calls there", async () => {
  const [old, other, fresh] = [neighbour("old"), neighbour("other"), neighbour("fresh")];
  const onKnown = vi.fn();
  const ways = new Ways([old, other, fresh], onKnown);
  expect(ways.leadTo(fresh)).toBe(false);
  old.knows.add("fresh:5080");
  await vi.advanceTimersByTimeAsync(3_000);
  expect([ways.leadTo(fresh), onKnown.mock.calls.length]).toEqual([false, 0]);
  other.knows.add("fresh:5080");
  await vi.advanceTimersByTimeAsync(300);
  expect([ways.leadTo(fresh), onKnown.mock.calls.length]).toEqual([true, 1]);
});

test("not for ever, and not for one that is down, that does not answer or that has no mesh", async () => {
  const onKnown = vi.fn();
  const [old, fresh] = [neighbour("old"), neighbour("fresh")];
  const ways = new Ways([old, fresh, neighbour("down", { ready: false })], onKnown);
  expect(ways.leadTo(fresh)).toBe(false);
  await vi.advanceTimersByTimeAsync(9_000);
  expect([ways.leadTo(fresh), onKnown.mock.calls.length]).toEqual([true, 1]);
  const mute = neighbour("mute", { knowsWayTo: () => Promise.reject(new Error("no answer")) });
  const next = neighbour("next");
  const others = new Ways([mute, neighbour("lab", { meshAddress: undefined }), next], onKnown);
  expect(others.leadTo(next)).toBe(false);
  await vi.advanceTimersByTimeAsync(100);
  expect(others.leadTo(next)).toBe(true);
  expect(others.leadTo(neighbour("lab", { meshAddress: undefined }))).toBe(true);
});
