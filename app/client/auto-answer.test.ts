import { describe, expect, test } from "vitest";
import type { Call, Participant } from "../protocol/wire.ts";
import { mayAnswer } from "./auto-answer.ts";
import type { Knowledge } from "./auto-answer.ts";

const anna = { user: "anna", name: "Anna", extension: "101" };
const boris = { user: "boris", name: "Boris", extension: "102" };
const [here, there] = ["11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"];
const call = (state: Call["state"], mine: Partial<Participant> = {}, more: Partial<Call> = {}): Call => ({
  id: "00000000-0000-4000-8000-000000000001", state, caller: boris, callee: anna, startedAt: 0,
  participants: [{ ...anna, state: "talking", muted: false, role: "callee", ...mine }, { ...boris, state: "talking", muted: false, role: "caller" }], ...more,
});
const nothing: Knowledge = { me: "anna", device: here, call: undefined, commanded: false, asked: false, commandUnderWay: false };

describe("an INVITE that asks to be answered by itself", () => {
  test("is not answered because it asks: a call that rings here stays a call that rings", () => {
    expect(mayAnswer({ ...nothing, call: call("ringing", { state: "ringing" }) })).toBe("no");
    expect(mayAnswer({ ...nothing, call: call("answered", { device: here }) })).toBe("no");
  });

  test("is not answered because of a command about something else", () => {
    expect(mayAnswer({ ...nothing, commandUnderWay: true, call: call("ringing", { state: "ringing" }) })).toBe("wait");
    expect(mayAnswer({ ...nothing, commandUnderWay: true, call: call("answered", { state: "ringing", role: "added" }) })).toBe("wait");
  });

  test("brings a call back whose leg here was lost", () => {
    expect(mayAnswer({ ...nothing, call: call("rescuing", { state: "rescuing", device: here }) })).toBe("yes");
    expect(mayAnswer({ ...nothing, call: call("rescuing", { state: "rescuing" }) })).toBe("yes");
  });

  test("does not open this device for one that was lost at another, or for a peer who was lost", () => {
    expect(mayAnswer({ ...nothing, call: call("rescuing", { state: "rescuing", device: there }) })).toBe("no");
    expect(mayAnswer({ ...nothing, call: call("rescuing", { device: here }) })).toBe("wait");
  });

  test("comes after a command of this device, or because the person said so on another", () => {
    expect(mayAnswer({ ...nothing, commanded: true })).toBe("yes");
    expect(mayAnswer({ ...nothing, asked: true, call: call("ringing", { state: "ringing" }) })).toBe("yes");
    expect(mayAnswer({ ...nothing, commandUnderWay: true, call: call("answered", { device: here }) })).toBe("yes");
    expect(mayAnswer({ ...nothing, commandUnderWay: true, call: call("parked", { state: "ringing" }, { space: 7 }) })).toBe("yes");
  });

  test("is this person's own call, asked for on another device", () => {
    expect(mayAnswer({ ...nothing, call: call("ringing", { state: "ringing", role: "caller" }, { caller: anna, callee: boris }) })).toBe("yes");
  });

  test("waits for the server's word while there is none", () => {
    expect(mayAnswer(nothing)).toBe("wait");
    expect(mayAnswer({ ...nothing, me: undefined, commanded: true })).toBe("wait");
  });
});
