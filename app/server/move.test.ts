import { beforeEach, expect, test, vi } from "vitest";
import { Move } from "./move.ts";
import type { Session } from "./sessions/session.ts";

const people = (count: number) => Array.from({ length: count }, (_, n) => ({ id: String(n), sipUser: `person${n}~x`, connected: true }) as unknown as Session);
let told: string[];
let move: Move;

beforeEach(() => {
  told = [];
  move = new Move(({ sipUser }) => told.push(sipUser));
});

test("who can't call where they are is told at once, with everybody", async () => {
  await move.begin(people(500), true);
  expect(told).toHaveLength(500);
});

test("otherwise the next is told when one has arrived", async () => {
  const begun = move.begin(people(40), false);
  expect(told).toHaveLength(16);
  for (const account of told.slice(0, 10)) move.arrived(account);
  await vi.waitFor(() => expect(told).toHaveLength(26), 400);
  while (told.length < 40) {
    for (const account of told) move.arrived(account);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await begun;
});

test("devices that never register hold up nobody for long, and a later choice ends an earlier one", async () => {
  const first = move.begin(people(20), false);
  await vi.waitFor(() => expect(told).toHaveLength(20), 2_000);
  await first;
  const second = move.begin(people(40), false);
  await move.begin(people(5), true);
  await second;
  expect(told).toHaveLength(20 + 16 + 5);
});
