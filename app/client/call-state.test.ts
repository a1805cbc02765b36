import { expect, test } from "vitest";
import { heldBy, learn, newCall, stateOf, waitsFor } from "./call-state.ts";
import type { CallFact, CallFacts } from "./call-state.ts";

function told(direction: "outgoing" | "incoming", ...facts: CallFact[]): CallFacts {
  return facts.reduce(learn, newCall(direction));
}

const control = (state: "ringing" | "answered" | "held" | "ended", reason?: "declined" | "busy" | "no-answer" | "hung-up"): CallFact => ({ type: "control", call: { state, reason } });

test("an outgoing call dials, rings, is answered and ends", () => {
  expect(stateOf(told("outgoing"))).toBe("dialling");
  expect(stateOf(told("outgoing", { type: "progress" }))).toBe("ringing");
  const answered = told("outgoing", { type: "progress" }, { type: "accepted" });
  expect(stateOf(answered)).toBe("answered");
  expect(stateOf(learn(answered, { type: "ended", reason: "hung-up", by: "peer" }))).toBe("ended");
});

test("the server's ringing counts when SIP has not said so yet, its answer does not", () => {
  expect(stateOf(told("outgoing", control("ringing")))).toBe("ringing");
  expect(stateOf(told("outgoing", control("answered")))).toBe("dialling");
  expect(stateOf(told("incoming", control("answered")))).toBe("ringing");
});

test("hold by me, by the other side, by both", () => {
  const talking = told("outgoing", { type: "accepted" });
  const mine = learn(talking, { type: "hold", by: "me" });
  expect([stateOf(mine), heldBy(mine)]).toEqual(["held", "me"]);
  const theirs = learn(talking, control("held"));
  expect([stateOf(theirs), heldBy(theirs)]).toEqual(["held", "peer"]);
  const both = learn(theirs, { type: "hold", by: "me" });
  expect(heldBy(both)).toBe("both");
  expect(stateOf(learn(theirs, control("answered")))).toBe("answered");
});

test("the server's echo of my own hold never looks like the other side's", () => {
  const held = told("outgoing", { type: "accepted" }, { type: "hold", by: "me" }, control("held"));
  const resumed = learn(held, { type: "unhold", by: "me" });
  expect(stateOf(resumed)).toBe("answered");
  expect(heldBy(learn(resumed, control("answered")))).toBeUndefined();
});

test("the server's reason is better than SIP's, before answer and after", () => {
  const unanswered = told("outgoing", { type: "progress" }, { type: "ended", reason: "offline", by: "peer" });
  expect(learn(unanswered, control("ended", "no-answer")).end).toEqual({ reason: "no-answer", by: "peer" });
  expect(learn(unanswered, control("ended")).end?.reason).toBe("offline");
});

test("what only this device knows is not overridden", () => {
  const elsewhere = told("incoming", { type: "ended", reason: "answered-elsewhere", by: "peer" });
  expect(learn(elsewhere, control("ended", "hung-up"))).toBe(elsewhere);
  const cancelled = told("outgoing", { type: "ended", reason: "cancelled", by: "me" });
  expect(learn(cancelled, control("ended", "declined"))).toBe(cancelled);
});

test("nothing happens to a call after its end", () => {
  const ended = told("incoming", { type: "accepted" }, { type: "ended", reason: "hung-up", by: "me" });
  for (const fact of [{ type: "accepted" }, { type: "hold", by: "peer" }, { type: "ended", reason: "failed", by: "system" }, control("held")] as CallFact[]) {
    expect(learn(ended, fact)).toBe(ended);
  }
});

test("the same fact twice is the same object", () => {
  const answered = told("outgoing", { type: "accepted" });
  expect(learn(answered, { type: "accepted" })).toBe(answered);
  expect(learn(answered, control("answered"))).toBe(answered);
});

test("a leg that broke off makes the call wait, without hold, until a new leg is answered", () => {
  const held = told("outgoing", { type: "accepted" }, { type: "hold", by: "me" });
  const lost = learn(held, { type: "lost" });
  expect([stateOf(lost), waitsFor(lost), heldBy(lost)]).toEqual(["rescuing", "me", undefined]);
  expect(stateOf(learn(lost, control("answered")))).toBe("rescuing");
  expect(stateOf(learn(lost, { type: "accepted" }))).toBe("answered");
  expect(learn(lost, { type: "ended", reason: "not-returned", by: "system" }).end?.reason).toBe("not-returned");
});

test("a call that an earlier page was in begins by waiting for its leg", () => {
  expect(stateOf(told("incoming", { type: "lost" }))).toBe("rescuing");
});

test("the other side's loss is the server's word alone, and so is their return", () => {
  const waiting = told("outgoing", { type: "accepted" }, { type: "control", call: { state: "rescuing" }, rescued: "peer" });
  expect([stateOf(waiting), waitsFor(waiting)]).toEqual(["rescuing", "peer"]);
  expect(stateOf(learn(waiting, control("answered")))).toBe("answered");
});

test("a hold that the server set for this person is theirs, though the switch tells it as the other side's", () => {
  const asking = told("outgoing", { type: "accepted" }, { type: "hold", by: "peer" }, { type: "control", call: { state: "held" }, holds: "me" });
  expect([stateOf(asking), heldBy(asking)]).toEqual(["held", "me"]);
  expect(heldBy(learn(asking, { type: "control", call: { state: "held" }, holds: "both" }))).toBe("both");
});

test("a call that goes on at another device has moved there, also when its leg ended here first", () => {
  const talking = told("outgoing", { type: "accepted" });
  expect(learn(talking, { type: "moved" }).end).toEqual({ reason: "moved", by: "system" });
  expect(learn(learn(talking, { type: "ended", reason: "hung-up", by: "peer" }), { type: "moved" }).end?.reason).toBe("moved");
  expect(learn(learn(talking, { type: "ended", reason: "hung-up", by: "me" }), { type: "moved" }).end?.reason).toBe("hung-up");
  expect(learn(told("incoming"), { type: "moved" }).end?.reason).toBe("answered-elsewhere");
});
