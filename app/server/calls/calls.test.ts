import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { SwitchEvent } from "../switch/esl-link.ts";
import type { TrackedCall } from "./call.ts";
import { Calls } from "./calls.ts";

const people = [
  { user: "anna", name: "Anna", extension: "1000" }, { user: "boris", name: "Boris", extension: "1001" }, { user: "clara", name: "Clara", extension: "1002" },
];
const home = {};

function recording(name: string): SwitchEvent[] {
  return readFileSync(join(import.meta.dirname, "../../../test/fixtures/esl", `${name}.jsonl`), "utf8").trim().split("\n").map((line) => JSON.parse(line) as SwitchEvent);
}

function tracker(quiet: string[] = [], rescues = false) {
  let time = 1_000;
  const calls = new Calls({ find: (address) => people.find(({ user, extension }) => user === address || extension === address), doNotDisturb: (user) => quiet.includes(user) }, { now: () => time++, rescues: () => rescues });
  const told: string[] = [];
  let last: TrackedCall | undefined;
  calls.on("changed", (call) => {
    last = call;
    const line = `${call.caller.user}>${call.callee?.user ?? "?"} ${call.state}${call.reason ? ` ${call.reason}` : ""}`;
    if (told.at(-1) !== line) told.push(line);
  });
  return { calls, told, last: () => last };
}

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const inbound = (n: number, user: string, to: string): SwitchEvent => ({ "Event-Name": "CHANNEL_CREATE", "Unique-ID": uuid(n), "Call-Direction": "inbound", "variable_sip_auth_username": `${user}~x`, "Caller-Destination-Number": to });
const outbound = (n: number, user: string, of: number): SwitchEvent => ({ "Event-Name": "CHANNEL_CREATE", "Unique-ID": uuid(n), "Call-Direction": "outbound", "Channel-Presence-ID": `${user}@x`, "Other-Leg-Unique-ID": uuid(of) });
const event = (name: string, n: number, more: Record<string, string> = {}): SwitchEvent => ({ "Event-Name": `CHANNEL_${name}`, "Unique-ID": uuid(n), ...more });

describe("calls, from a recording of FreeSWITCH", () => {
  it("follows a call through answer, hold by either side, and its end", () => {
    const { calls, told } = tracker();
    for (const one of recording("call-hold-transfer")) calls.take(home, one);
    expect(told.slice(0, 6)).toEqual(["anna>boris ringing", "anna>boris answered", "anna>boris held", "anna>boris answered", "anna>boris held", "anna>boris answered"]);
    expect(told.at(-1)).toBe("anna>boris ended hung-up");
    expect(calls.all).toEqual([]);
  });

  it("follows a blind transfer: who talks to whom afterwards, and that it was one call", () => {
    const { calls, told } = tracker();
    for (const one of recording("scenes/blind-transfer")) calls.take(home, one);
    expect(told[0]).toBe("anna>boris ringing");
    expect(new Set(told.at(-2)!.split(/[> ]/).slice(0, 2))).toEqual(new Set(["boris", "clara"]));
    expect(told.at(-1)).toMatch(/ended hung-up$/);
    expect(calls.all).toEqual([]);
  });

  it("names the call after the leg that began it", () => {
    const { calls } = tracker();
    const [first] = recording("call-hold-transfer");
    calls.take(home, first!);
    expect(calls.all.map(({ id }) => id)).toEqual([first!["Unique-ID"]]);
  });

  it("tells the Call-ID by which a device began it, not the one by which another was rung", () => {
    const { calls, last } = tracker();
    for (const one of [{ ...inbound(1, "anna", "boris"), variable_sip_call_id: "k3f9" }, { ...outbound(2, "boris", 1), variable_sip_call_id: "other" }]) calls.take(home, one);
    expect(last()!.view()!.sipCallId).toBe("k3f9");
  });

  it("tells an offline person apart; an echo test has nobody at its other end", () => {
    const { calls, told, last } = tracker();
    for (const one of recording("busy-offline-echo")) calls.take(home, one);
    expect(told).toContain("anna>boris ended offline");
    expect(last()!.view()).toBeUndefined();
  });
});

describe("calls", () => {
  it("ring on every device; the ones that were not answered leave the call, and it goes on", () => {
    const { calls, told } = tracker();
    for (const one of [inbound(1, "anna", "1001"), outbound(2, "boris", 1), outbound(3, "boris", 1)]) calls.take(home, one);
    expect(calls.presenceOf("boris")).toBe("ringing");
    for (const one of [event("ANSWER", 3), event("ANSWER", 1), event("HANGUP_COMPLETE", 2, { "Hangup-Cause": "LOSE_RACE" })]) calls.take(home, one);
    expect([calls.presenceOf("anna"), calls.presenceOf("boris")]).toEqual(["in-call", "in-call"]);
    expect(told.at(-1)).toBe("anna>boris answered");
  });

  it.each([
    ["CALL_REJECTED", "declined"], ["USER_BUSY", "busy"], ["NO_ANSWER", "no-answer"], ["ORIGINATOR_CANCEL", "cancelled"], ["UNALLOCATED_NUMBER", "unknown-person"], ["WHATEVER", "failed"],
  ])("that end unanswered with %s are %s", (cause, reason) => {
    const { calls, told } = tracker();
    for (const one of [inbound(1, "anna", "boris"), outbound(2, "boris", 1), event("HANGUP_COMPLETE", 1, { "Hangup-Cause": cause })]) calls.take(home, one);
    expect(told.at(-1)).toBe(`anna>boris ended ${reason}`);
    expect([calls.presenceOf("anna"), calls.presenceOf("boris")]).toEqual([undefined, undefined]);
  });

  it("to somebody who wants not to be disturbed end with that reason", () => {
    const { calls, told } = tracker(["boris"]);
    for (const one of [inbound(1, "anna", "boris"), event("HANGUP_COMPLETE", 1, { "Hangup-Cause": "NO_USER_RESPONSE" })]) calls.take(home, one);
    expect(told.at(-1)).toBe("anna>boris ended do-not-disturb");
  });

  it("after a blind transfer name who talks now", () => {
    const { calls, told } = tracker();
    for (const one of [inbound(1, "anna", "boris"), outbound(2, "boris", 1), event("ANSWER", 2), event("ANSWER", 1)]) calls.take(home, one);
    for (const one of [event("HANGUP_COMPLETE", 1, { "Hangup-Cause": "BLIND_TRANSFER" }), outbound(3, "clara", 2), event("ANSWER", 3), event("BRIDGE", 2, { "Other-Leg-Unique-ID": uuid(3) })]) calls.take(home, one);
    expect(calls.presenceOf("anna")).toBeUndefined();
    expect(new Set(told.at(-1)!.split(" ")[0]!.split(">"))).toEqual(new Set(["boris", "clara"]));
    for (const one of [event("HANGUP_COMPLETE", 3, { "Hangup-Cause": "NORMAL_CLEARING" }), event("HANGUP_COMPLETE", 2, { "Hangup-Cause": "NORMAL_CLEARING" })]) calls.take(home, one);
    expect(told.at(-1)).toMatch(/ended hung-up$/);
  });

  it("of a switch that is gone end as failed; those of another stay", () => {
    const { calls, told } = tracker();
    const other = {};
    for (const one of [inbound(1, "anna", "boris"), outbound(2, "boris", 1), event("ANSWER", 2), event("ANSWER", 1)]) calls.take(home, one);
    calls.take(other, inbound(5, "clara", "boris"));
    calls.gone(home);
    expect(told).toContain("anna>boris ended failed");
    expect(calls.all.map(({ caller }) => caller.user)).toEqual(["clara"]);
  });

  const dump = (n: number, direction: "inbound" | "outbound", user: string, more: Record<string, string> = {}): SwitchEvent => ({
    ...(direction === "inbound" ? inbound(n, user, "1001") : outbound(n, user, 1)), "Event-Name": "CHANNEL_DATA", "Answer-State": "answered", "Channel-Call-State": "ACTIVE", "Channel-Call-UUID": uuid(1),
    "Caller-Channel-Created-Time": `${1_000_000 + n}`, ...more,
  });
  const nothing = { channels: [], conferences: [], parked: [] };

  it("are rebuilt from what the switch has after a gap, with the same id", () => {
    const { calls, told } = tracker();
    calls.read(home, { ...nothing, channels: [dump(2, "outbound", "boris", { variable_signal_bond: uuid(1) }), dump(1, "inbound", "anna", { variable_signal_bond: uuid(2), "Channel-Call-State": "HELD" })] });
    expect(calls.all.map(({ id }) => id)).toEqual([uuid(1)]);
    expect(told.at(-1)).toBe("anna>boris held");
    expect(calls.view(calls.all[0]!)!.participants!.map(({ user, state, holds }) => [user, state, holds])).toEqual([["anna", "talking", true], ["boris", "held", undefined]]);
    calls.take(home, event("HANGUP_COMPLETE", 2, { "Hangup-Cause": "NORMAL_CLEARING" }));
    calls.take(home, event("HANGUP_COMPLETE", 1, { "Hangup-Cause": "NORMAL_CLEARING" }));
    expect(told.at(-1)).toBe("anna>boris ended hung-up");
  });

  it("of another switch are not taken for calls of this one, although their callers are known here", () => {
    const { calls } = tracker();
    calls.take(home, { ...inbound(1, "anna", "boris"), variable_sip_auth_username: "~mesh" });
    calls.read(home, { ...nothing, channels: [dump(1, "inbound", "anna", { variable_sip_auth_username: "~mesh" }), dump(2, "outbound", "boris", { "Other-Leg-Unique-ID": uuid(1), "Channel-Call-UUID": uuid(1) })] });
    expect(calls.all).toEqual([]);
  });

  it("are rebuilt by our marks when the leg that began them has gone, and remember who is missing", () => {
    const { calls } = tracker([], true);
    calls.read(home, { ...nothing, channels: [dump(7, "outbound", "boris", { "Other-Leg-Unique-ID": "", "Channel-Call-UUID": uuid(7), variable_houseline_call: uuid(1), variable_houseline_role: "callee", variable_houseline_missing: "anna~k3f9" })] });
    expect(calls.all.map(({ id, state }) => [id, state])).toEqual([[uuid(1), "rescuing"]]);
    expect(calls.presenceOf("anna")).toBe("in-call");
  });

  it("that the switch doesn't have any more have ended meanwhile", () => {
    const { calls, told } = tracker();
    for (const one of [inbound(1, "anna", "boris"), outbound(2, "boris", 1), event("ANSWER", 2), event("ANSWER", 1)]) calls.take(home, one);
    calls.read(home, nothing);
    expect(told.at(-1)).toBe("anna>boris ended failed");
  });

  it("are not begun anew by a leg that comes late", () => {
    const { calls, told } = tracker();
    for (const one of [inbound(1, "anna", "boris"), event("HANGUP_COMPLETE", 1, { "Hangup-Cause": "ORIGINATOR_CANCEL" })]) calls.take(home, one);
    calls.take(home, { ...outbound(3, "anna", 9), variable_houseline_call: uuid(1), variable_houseline_person: "anna" });
    expect(calls.all).toEqual([]);
    expect(told.at(-1)).toBe("anna>boris ended cancelled");
  });

  it("pass over what is not theirs: ids that are none, legs that nobody knows, accounts of nobody", () => {
    const { calls } = tracker();
    calls.take(home, { ...inbound(1, "anna", "boris"), "Unique-ID": "x; uuid_kill" });
    calls.take(home, inbound(2, "stranger", "boris"));
    calls.take(home, event("ANSWER", 9));
    expect(calls.all).toEqual([]);
  });
});

describe("people who vanish", () => {
  const talking = [inbound(1, "anna", "boris"), outbound(2, "boris", 1), event("ANSWER", 2), event("ANSWER", 1), event("BRIDGE", 1, { "Other-Leg-Unique-ID": uuid(2) })];
  const hangUp = (n: number, cause: string, disposition = "send_bye") => event("HANGUP_COMPLETE", n, { "Hangup-Cause": cause, variable_sip_hangup_disposition: disposition });

  it("with the whole switch are waited for, and the same call goes on in another", () => {
    const { calls, told } = tracker([], true);
    const other = {};
    for (const one of talking) calls.take(home, one);
    calls.gone(home);
    expect(told.at(-1)).toBe("anna>boris rescuing");
    for (const [n, user] of [[5, "anna"], [6, "boris"]] as const) {
      calls.take(other, { ...outbound(n, user, 9), variable_houseline_call: uuid(1), variable_houseline_person: user, variable_houseline_role: user === "anna" ? "caller" : "callee" });
      calls.take(other, event("ANSWER", n));
      calls.markReturned(calls.get(uuid(1))!, user);
    }
    expect(calls.all.map(({ id, state, legs }) => [id, state, legs.size])).toEqual([[uuid(1), "answered", 2]]);
  });

  it("by lost media take their peer's leg along, which is waited for too", () => {
    const { calls, told } = tracker([], true);
    for (const one of [...talking, hangUp(1, "MEDIA_TIMEOUT"), hangUp(2, "NORMAL_CLEARING")]) calls.take(home, one);
    expect(told.at(-1)).toBe("anna>boris rescuing");
    expect([...calls.all[0]!.rescuing.keys()]).toEqual(["anna", "boris"]);
  });

  it("did not, when their device said goodbye", () => {
    const { calls, told } = tracker([], true);
    for (const one of [...talking, hangUp(1, "NORMAL_CLEARING", "recv_bye"), hangUp(2, "NORMAL_CLEARING")]) calls.take(home, one);
    expect(told.at(-1)).toBe("anna>boris ended hung-up");
  });

  it("are not waited for when the other one hangs up", () => {
    const { calls, told } = tracker([], true);
    for (const one of talking) calls.take(home, one);
    calls.markVanished(calls.all[0]!, "anna");
    for (const one of [hangUp(2, "NORMAL_CLEARING", "recv_bye"), hangUp(1, "NORMAL_CLEARING")]) calls.take(home, one);
    expect(told.at(-1)).toBe("anna>boris ended hung-up");
    expect(calls.all).toEqual([]);
  });

  it("and are back when their page is rung: the old leg ends, the call goes on", () => {
    const { calls, told } = tracker([], true);
    for (const one of talking) calls.take(home, one);
    calls.markVanished(calls.all[0]!, "anna");
    calls.take(home, { ...outbound(5, "anna", 9), variable_houseline_call: uuid(1), variable_houseline_person: "anna", variable_houseline_role: "caller" });
    for (const one of [event("ANSWER", 5), event("BRIDGE", 5, { "Other-Leg-Unique-ID": uuid(2) })]) calls.take(home, one);
    calls.markReturned(calls.all[0]!, "anna");
    calls.take(home, hangUp(1, "PICKED_OFF"));
    expect(told.at(-1)).toBe("anna>boris answered");
    for (const one of [hangUp(2, "NORMAL_CLEARING", "recv_bye"), hangUp(5, "NORMAL_CLEARING")]) calls.take(home, one);
    expect(told.at(-1)).toBe("anna>boris ended hung-up");
  });
});
