import { expect, test } from "vitest";
import type { Call } from "../protocol/wire.ts";
import { sessionFor, sideOf } from "./call-match.ts";
import type { MatchCandidate } from "./call-match.ts";

const anna = { user: "anna", name: "Anna", extension: "101" };
const boris = { user: "boris", name: "Boris", extension: "102" };
const call: Call = { id: "00000000-0000-4000-8000-000000000001", state: "ringing", caller: anna, callee: boris, startedAt: 0 };

const begunBy = () => false;
const toBoris: MatchCandidate = { direction: "outgoing", address: "boris", callId: undefined, begunBy };
const fromBoris: MatchCandidate = { direction: "incoming", address: "boris", callId: undefined, begunBy };

test("the side of a call", () => {
  expect(sideOf(call, "anna")).toEqual({ direction: "outgoing", peer: boris });
  expect(sideOf(call, "boris")).toEqual({ direction: "incoming", peer: anna });
  expect(sideOf(call, "carla")).toBeUndefined();
});

test("a session that was begun here is found by the Call-ID of its INVITE, and by nothing else", () => {
  const mine = { ...toBoris, begunBy: (id: string) => id === "k3f9" };
  expect(sessionFor({ ...call, sipCallId: "k3f9" }, "anna", [toBoris, mine])).toBe(mine);
  expect(sessionFor({ ...call, sipCallId: "other" }, "anna", [toBoris, mine])).toBeUndefined();
});

test("a call that comes in is the session's that names it", () => {
  const named = { ...fromBoris, callId: call.id };
  const calls: Call = { ...call, caller: boris, callee: anna };
  expect(sessionFor(calls, "anna", [fromBoris, named])).toBe(named);
  expect(sessionFor(calls, "anna", [fromBoris])).toBeUndefined();
});

test("where no Call-ID is told, a call that is over is no session's that does not know it", () => {
  expect(sessionFor({ ...call, state: "ended" }, "anna", [toBoris])).toBeUndefined();
});

test("where no Call-ID is told, a session is found by direction and person, by name or by extension", () => {
  expect(sessionFor(call, "anna", [fromBoris, toBoris])).toBe(toBoris);
  const byExtension = { ...toBoris, address: "102" };
  expect(sessionFor(call, "anna", [byExtension])).toBe(byExtension);
  expect(sessionFor(call, "anna", [{ ...toBoris, address: "103" }])).toBeUndefined();
});

test("a room is dialled by its name or its number", () => {
  const room: Call = { ...call, room: "blue", callee: { user: "blue", name: "Blue", extension: "801" } };
  for (const address of ["room-blue", "801"]) {
    const dialled = { ...toBoris, address };
    expect(sessionFor(room, "anna", [dialled]), address).toBe(dialled);
  }
  expect(sessionFor(room, "anna", [{ ...toBoris, address: "room-red" }])).toBeUndefined();
  expect(sessionFor({ ...room, callee: { ...room.callee, extension: "" } }, "anna", [{ ...toBoris, address: "" }])).toBeUndefined();
});

test("a call keeps its session, and a session its call", () => {
  const mine = { ...toBoris, callId: call.id };
  expect(sessionFor(call, "anna", [toBoris, mine])).toBe(mine);
  expect(sessionFor(call, "anna", [{ ...toBoris, callId: "another" }])).toBeUndefined();
});
