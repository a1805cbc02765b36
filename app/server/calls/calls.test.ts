import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { SwitchEvent } from "../switch/esl-link.ts";
import type { ChannelRow } from "../switch/remote-switch.ts";
import type { TrackedCall } from "./call.ts";
import { Calls } from "./calls.ts";

const people = [
  { user: "anna", name: "Anna", extension: "1000" }, { user: "boris", name: "Boris", extension: "1001" }, { user: "clara", name: "Clara", extension: "1002" },
];
const home = {};

function recording(name: string): SwitchEvent[] {
  return readFileSync(join(import.meta.dirname, "../../../test/fixtures/esl", `${name}.jsonl`), "utf8").trim().split("\n").map((line) => JSON.parse(line) as SwitchEvent);
}

function tracker(quiet: string[] = []) {
  let time = 1_000;
  const calls = new Calls({ find: (address) => people.find(({ user, extension }) => user === address || extension === address), doNotDisturb: (user) => quiet.includes(user) }, () => time++);
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
    calls.lose(home);
    expect(told).toContain("anna>boris ended failed");
    expect(calls.all.map(({ caller }) => caller.user)).toEqual(["clara"]);
  });

  const row = (n: number, direction: "inbound" | "outbound", user: string, callstate: string, dest = ""): ChannelRow =>
    ({ uuid: uuid(n), direction, created_epoch: "1", cid_num: "", dest, callstate, presence_id: `${user}@x`, call_uuid: uuid(1) });

  it("are rebuilt from the list of channels after a gap, with the same id", () => {
    const { calls, told } = tracker();
    calls.resynchronise(home, [row(2, "outbound", "boris", "ACTIVE"), row(1, "inbound", "anna", "ACTIVE", "1001")]);
    expect(calls.all.map(({ id }) => id)).toEqual([uuid(1)]);
    expect(told.at(-1)).toBe("anna>boris answered");
    calls.take(home, event("HANGUP_COMPLETE", 2, { "Hangup-Cause": "NORMAL_CLEARING" }));
    calls.take(home, event("HANGUP_COMPLETE", 1, { "Hangup-Cause": "NORMAL_CLEARING" }));
    expect(told.at(-1)).toBe("anna>boris ended hung-up");
  });

  it("of another switch are not taken for calls of this one, although their callers are known here", () => {
    const { calls } = tracker();
    calls.take(home, { ...inbound(1, "anna", "boris"), variable_sip_auth_username: "~mesh" });
    calls.resynchronise(home, [{ ...row(1, "inbound", "anna", "ACTIVE", "boris"), name: "sofia/mesh/101@10.0.0.1" }, row(2, "outbound", "boris", "ACTIVE")]);
    expect(calls.all).toEqual([]);
  });

  it("that are not in that list have ended meanwhile", () => {
    const { calls, told } = tracker();
    for (const one of [inbound(1, "anna", "boris"), outbound(2, "boris", 1), event("ANSWER", 2), event("ANSWER", 1)]) calls.take(home, one);
    calls.resynchronise(home, []);
    expect(told.at(-1)).toBe("anna>boris ended failed");
  });

  it("pass over what is not theirs: ids that are none, legs that nobody knows, accounts of nobody", () => {
    const { calls } = tracker();
    calls.take(home, { ...inbound(1, "anna", "boris"), "Unique-ID": "x; uuid_kill" });
    calls.take(home, inbound(2, "stranger", "boris"));
    calls.take(home, event("ANSWER", 9));
    expect(calls.all).toEqual([]);
  });
});
