import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Call } from "../protocol/wire.ts";
import type { PhoneCall } from "./phone-call.ts";
import { Rescue } from "./rescue.ts";

beforeEach(() => { vi.useFakeTimers(); });
afterEach(() => { vi.useRealTimers(); });

function make(server: Partial<Call> = { state: "answered" }) {
  const lost = { callId: "c1", needsLeg: true, get wantsLeg() { return this.needsLeg || this.unstable; }, unstable: false };
  const world = { reachable: true, asked: [] as string[], refuse: false };
  const rescue = new Rescue({
    reachable: () => world.reachable, callOf: () => server as Call,
    moveHere: async (id) => { world.asked.push(id); if (world.refuse) throw new Error("conflict"); },
  });
  return { rescue, lost, world, server, call: lost as unknown as PhoneCall };
}

test("a call whose loss the server has not noticed is asked for as soon as the connections are there", async () => {
  const { rescue, world, call } = make();
  world.reachable = false;
  rescue.watch(call);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(world.asked).toEqual([]);
  world.reachable = true;
  rescue.look();
  await vi.advanceTimersByTimeAsync(500);
  expect(world.asked).toEqual(["c1"]);
});

test("while the server brings it back by itself, it is let do so", async () => {
  const { rescue, lost, world, call } = make({ state: "rescuing" });
  rescue.watch(call);
  await vi.advanceTimersByTimeAsync(2_000);
  lost.needsLeg = false;
  rescue.look();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(world.asked).toEqual([]);
});

test("a call whose media alone broke off is asked for while that lasts, and at once when the server misses this device", async () => {
  const { rescue, lost, server, world, call } = make();
  Object.assign(lost, { needsLeg: false, unstable: true });
  rescue.watch(call);
  await vi.advanceTimersByTimeAsync(600);
  expect(world.asked.length).toBe(1);
  await vi.advanceTimersByTimeAsync(20_000);
  const before = world.asked.length;
  server.state = "rescuing";
  rescue.look();
  await vi.advanceTimersByTimeAsync(500);
  expect(world.asked.length).toBe(before + 1);
  lost.unstable = false;
  await vi.advanceTimersByTimeAsync(20_000);
  expect(world.asked.length).toBe(before + 1);
});

test("a refusal is tried again with growing waits, never in a storm", async () => {
  const { rescue, world, call } = make();
  world.refuse = true;
  rescue.watch(call);
  for (let i = 0; i < 300; i++) rescue.look();
  await vi.advanceTimersByTimeAsync(30_000);
  expect(world.asked.length).toBeGreaterThan(4);
  expect(world.asked.length).toBeLessThan(16);
});

test("a call that was given up is remembered as such", () => {
  const { rescue } = make();
  rescue.giveUp("c1");
  expect([rescue.gaveUp("c1"), rescue.gaveUp("c2")]).toEqual([true, false]);
});
