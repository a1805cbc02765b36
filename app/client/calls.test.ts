import { EventEmitter } from "node:events";
import type { RTCSession } from "jssip/lib/RTCSession.js";
import type { IncomingRequest } from "jssip/lib/SIPMessage.js";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Call, Participant } from "../protocol/wire.ts";
import { Calls } from "./calls.ts";
import { ControlError } from "./control-error.ts";
import type { Microphone } from "./microphone.ts";
import { MuteMemory } from "./mute-memory.ts";
import { People } from "./people.ts";
import type { Request } from "./request.ts";
import type { SipLine } from "./sip-line.ts";

/** What a call needs of the browser's connection. */
class TestConnection extends EventTarget {
  connectionState = "new";

  getSenders(): [] {
    return [];
  }

  becomes(state: string): void {
    this.connectionState = state;
    this.dispatchEvent(new Event("connectionstatechange"));
  }
}

/** What a call needs of JsSIP's session, without a switch: the scenes with one are in test/e2e. */
class TestSession extends EventEmitter {
  /** Nothing is told of its media, unless the test does. */
  connection: TestConnection | null = null;
  direction = "incoming";
  id = "";
  answered = false;
  ended = false;
  refusedWith: number | undefined;

  isEnded(): boolean {
    return this.ended;
  }

  answer(): void {
    this.answered = true;
    this.emit("accepted");
  }

  terminate({ status_code }: { status_code?: number; cause?: string } = {}): void {
    this.ended = true;
    this.refusedWith = status_code;
    this.emit("ended", { originator: "local", message: null, cause: "Terminated" });
  }

  unmute(): void {}

  hold(): boolean {
    this.emit("hold", { originator: "local" });
    return true;
  }

  bye(): void {
    this.ended = true;
    this.emit("ended", { originator: "remote", message: null, cause: "Terminated" });
  }
}

const anna = { user: "anna", name: "Anna", extension: "101" };
const boris = { user: "boris", name: "Boris", extension: "102" };
const clara = { user: "clara", name: "Clara", extension: "103" };
const device = "11111111-1111-4111-8111-111111111111";
const other = "22222222-2222-4222-8222-222222222222";
const id = (n: number) => `00000000-0000-4000-8000-00000000000${n}`;

function callOf(n: number, state: Call["state"], mine: Partial<Participant> = {}, more: Partial<Call> = {}): Call {
  return {
    id: id(n), state, caller: boris, callee: anna, startedAt: n, ...(state === "ringing" ? {} : { answeredAt: n }),
    participants: [{ ...anna, state: "talking", muted: false, role: "callee", device, ...mine }, { ...boris, state: "talking", muted: false, role: "caller" }], ...more,
  };
}

let asked: [string, unknown][];
let refuse: ControlError | undefined;
let calls: Calls;
let reachable: boolean;
/** Lets what waits for the microphone go on. */
const settle = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  refuse = undefined;
  reachable = true;
  const request = (async (name: string, params: unknown) => {
    asked.push([name, params]);
    if (refuse) throw refuse;
    return name === "call" ? { call: id(9) } : name === "consult" ? { consultation: id(9) } : {};
  }) as unknown as Request;
  const people = new People(request);
  people.takeSnapshot({ ...anna, presence: "available" }, [{ ...boris, presence: "available" }, { ...clara, presence: "available" }], undefined);
  const stream = { getTracks: () => [], getAudioTracks: () => [] } as unknown as MediaStream;
  calls = new Calls({
    microphone: { lease: async () => ({ stream, release: () => {} }) } as unknown as Microphone, people, language: () => "en", speaker: () => "", request, muted: new MuteMemory(undefined), reachable: () => reachable,
  });
  calls.takeSnapshot(device, []);
});
afterEach(() => { vi.useRealTimers(); });

function invite(call: number | undefined, asksToBeAnswered = false, from = "boris", connection: TestConnection | null = null): TestSession {
  const session = new TestSession();
  session.connection = connection;
  const headers: Record<string, string> = { ...(call === undefined ? {} : { "X-Houseline-Call": id(call) }), ...(asksToBeAnswered ? { "X-Houseline-Answer": "auto" } : {}) };
  const request = { from: { uri: { user: from }, display_name: "" }, getHeader: (name: string) => headers[name] } as unknown as IncomingRequest;
  calls.onInvite({ connected: true } as SipLine, session as unknown as RTCSession, request);
  return session;
}

const states = () => calls.here.map(({ callId, state }) => `${callId?.at(-1)} ${state}`);

describe("with a SIP session of the test's own, an INVITE", () => {
  test("rings, belongs to the call that its header names, and is answered by the person", async () => {
    calls.onCall(callOf(1, "ringing", { state: "ringing" }));
    const session = invite(1);
    expect(states()).toEqual(["1 ringing"]);
    calls.here[0]!.answer();
    await settle();
    expect([session.answered, ...states()]).toEqual([true, "1 answered"]);
  });

  test("that wants to be answered by itself rings like any other when the server doesn't say so", async () => {
    calls.onCall(callOf(1, "ringing", { state: "ringing" }));
    const [known, unknown] = [invite(1, true), invite(7, true)];
    await vi.advanceTimersByTimeAsync(4_000);
    expect([known.answered, unknown.answered]).toEqual([false, false]);
    expect(states()).toEqual(["1 ringing", "7 ringing"]);
  });

  test("that comes before the server's word waits for it", async () => {
    const session = invite(1, true);
    await vi.advanceTimersByTimeAsync(500);
    expect([session.answered, states().length]).toEqual([false, 0]);
    calls.onCall(callOf(1, "rescuing", { state: "rescuing" }));
    await vi.advanceTimersByTimeAsync(100);
    expect([session.answered, ...states()]).toEqual([true, "1 answered"]);
  });

  test("is answered when the person said so on another device, whichever comes first", async () => {
    calls.onCall(callOf(1, "ringing", { state: "ringing" }));
    const first = invite(1);
    calls.onAnswerCall(id(1));
    await settle();
    calls.onCall(callOf(2, "ringing", { state: "ringing" }, { caller: clara }));
    calls.onAnswerCall(id(2));
    const second = invite(2, false, "clara");
    await settle();
    expect([first.answered, second.answered]).toEqual([true, true]);
  });

  test("of a call that this device asked for shows it ringing until the other side answers", async () => {
    await calls.command("call", { to: "boris" });
    calls.onCall(callOf(9, "ringing", { role: "caller", state: "ringing" }, { caller: anna, callee: boris }));
    const session = invite(9, true);
    await settle();
    expect([session.answered, ...states()]).toEqual([true, "9 ringing"]);
    calls.onCall(callOf(9, "answered", { role: "caller" }, { caller: anna, callee: boris }));
    expect(states()).toEqual(["9 answered"]);
  });
});

describe("with a SIP session of the test's own, a call", () => {
  async function talking(): Promise<TestSession> {
    calls.onCall(callOf(1, "ringing", { state: "ringing" }));
    const session = invite(1);
    calls.here[0]!.answer();
    await settle();
    calls.onCall(callOf(1, "answered"));
    return session;
  }

  test("that is just being begun is not one that ended a moment ago, of which a snapshot tells", async () => {
    const session = Object.assign(new TestSession(), { direction: "outgoing", id: "k3f9-and-its-tag" });
    const line = { connected: true, invite: () => session as unknown as RTCSession, hasArrived: () => true } as unknown as SipLine;
    calls.dial(() => line, "boris", boris);
    await settle();
    const mine = { role: "caller", state: "ringing" } as const;
    calls.takeSnapshot(device, [
      callOf(1, "ended", mine, { caller: anna, callee: boris, reason: "hung-up", sipCallId: "an-earlier-one" }),
      callOf(2, "ringing", mine, { caller: anna, callee: boris, sipCallId: "k3f9" }),
    ]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect([session.ended, ...states()]).toEqual([false, "2 ringing"]);
  });

  test("of an earlier page comes back over a new leg, with its time", async () => {
    calls.takeSnapshot(device, [callOf(1, "answered")]);
    expect(states()).toEqual(["1 rescuing"]);
    calls.onCall(callOf(1, "rescuing", { state: "rescuing" }));
    invite(1, true);
    await settle();
    expect(states()).toEqual(["1 answered"]);
    expect(calls.here[0]!.answeredAt).toBe(1);
  });

  test("whose leg ends while the server brings it back does not end", async () => {
    const session = await talking();
    calls.onCall(callOf(1, "rescuing", { state: "rescuing" }));
    session.bye();
    expect(states()).toEqual(["1 rescuing"]);
    const next = invite(1, true);
    await settle();
    expect([next.answered, ...states()]).toEqual([true, "1 answered"]);
  });

  test("that nobody could bring back ends with the server's word, or without it after its time", async () => {
    const session = await talking();
    calls.onCall(callOf(1, "rescuing", { state: "rescuing" }));
    session.bye();
    const [call] = calls.here;
    calls.onCall(callOf(1, "ended", {}, { reason: "not-returned", participants: [] }));
    expect(call!.ending?.reason).toBe("not-returned");
    calls.takeSnapshot(device, [callOf(2, "rescuing", { state: "rescuing" })]);
    reachable = false;
    await vi.advanceTimersByTimeAsync(36_000);
    expect(states()).toEqual([]);
  });

  test("that was hung up while it was being brought back stays hung up", async () => {
    const session = await talking();
    calls.onCall(callOf(1, "rescuing", { state: "rescuing" }));
    session.bye();
    calls.here[0]!.hangup();
    expect(asked).toContainEqual(["hangup", { call: id(1) }]);
    const late = invite(1, true);
    expect([late.answered, late.refusedWith]).toEqual([false, 603]);
    expect(states()).toEqual([]);
  });

  test("that moved to another device says so", async () => {
    const session = await talking();
    const [call] = calls.here;
    session.bye();
    calls.onCall(callOf(1, "answered", { device: other }));
    expect(call!.reason).toBe("The call with Boris goes on at another device.");
    expect(calls.elsewhere.map((one) => one.id)).toEqual([id(1)]);
  });

  test("moves here: its old leg is let go of once the new one is answered", async () => {
    const session = await talking();
    await calls.command("moveCall", { call: id(1) });
    const next = invite(1, true);
    await settle();
    // The switch ends it, when it has connected the new one with the other side: by a BYE before the other side would be lost too.
    expect([next.answered, session.ended, ...states()]).toEqual([true, false, "1 answered"]);
    await vi.advanceTimersByTimeAsync(6_000);
    expect([session.ended, ...states()]).toEqual([true, "1 answered"]);
  });

  test("whose ICE failed is not hung up, as JsSIP would: the server would take that for a wish", async () => {
    calls.onCall(callOf(1, "ringing", { state: "ringing" }));
    const session = invite(1);
    calls.here[0]!.answer();
    await settle();
    calls.onCall(callOf(1, "answered"));
    session.terminate({ cause: "RTP Timeout", status_code: 408 });
    await vi.advanceTimersByTimeAsync(500);
    expect([session.ended, ...states(), asked.at(-1)]).toEqual([false, "1 rescuing", ["moveCall", { call: id(1) }]]);
    const next = invite(1, true);
    await settle();
    expect([next.answered, ...states()]).toEqual([true, "1 answered"]);
  });

  describe("whose media breaks off by itself", () => {
    /** A call that is heard, and what its next legs find. */
    async function heard(): Promise<TestConnection> {
      calls.onCall(callOf(1, "ringing", { state: "ringing" }));
      const connection = new TestConnection();
      invite(1, false, "boris", connection);
      calls.here[0]!.answer();
      await settle();
      calls.onCall(callOf(1, "answered"));
      connection.becomes("connected");
      return connection;
    }
    const moves = () => asked.filter(([name]) => name === "moveCall").length;

    test("is asked for, and the leg that comes is taken though the first is there still", async () => {
      const connection = await heard();
      connection.becomes("disconnected");
      await vi.advanceTimersByTimeAsync(500);
      expect([moves(), calls.here[0]!.unstable]).toEqual([1, true]);
      const next = new TestConnection();
      expect(invite(1, true, "boris", next).answered).toBe(false);
      await settle();
      next.becomes("connected");
      await vi.advanceTimersByTimeAsync(60_000);
      expect([moves(), calls.here[0]!.unstable, ...states()]).toEqual([1, false, "1 answered"]);
    });

    test("is asked for no more when it comes back by itself", async () => {
      const connection = await heard();
      connection.becomes("disconnected");
      await vi.advanceTimersByTimeAsync(200);
      connection.becomes("connected");
      await vi.advanceTimersByTimeAsync(60_000);
      expect([moves(), ...states()]).toEqual([0, "1 answered"]);
    });

    test("is asked for again when the new leg finds no way either, and not for ever", async () => {
      const connection = await heard();
      connection.becomes("disconnected");
      for (let seconds = 0; seconds < 40; seconds += 5) {
        await vi.advanceTimersByTimeAsync(5_000);
        invite(1, true, "boris", new TestConnection());
      }
      expect([moves() > 4, ...states()]).toEqual([true, "1 answered"]);
      await vi.advanceTimersByTimeAsync(25_000);
      expect([states(), asked.at(-1)]).toEqual([[], ["hangup", { call: id(1) }]]);
    });
  });

  test("that is hung up while its ICE has failed is hung up", async () => {
    calls.onCall(callOf(1, "ringing", { state: "ringing" }));
    const session = invite(1);
    calls.here[0]!.answer();
    await settle();
    calls.onCall(callOf(1, "answered"));
    session.terminate({ cause: "RTP Timeout", status_code: 408 });
    calls.here[0]!.hangup();
    expect([session.ended, states(), asked.at(-1)]).toEqual([true, [], ["hangup", { call: id(1) }]]);
  });

  test("that became part of another goes on as that one, over the same leg", async () => {
    const session = await talking();
    calls.onCall({ ...callOf(3, "answered"), caller: clara, startedAt: 0 });
    expect(states()).toEqual(["1 answered"]);
    calls.onCall(callOf(1, "ended", {}, { reason: "merged", into: id(3), participants: [] }));
    expect(states()).toEqual(["3 answered"]);
    expect(calls.here[0]!.peer.user).toBe("clara");
    await vi.advanceTimersByTimeAsync(10_000);
    session.bye();
    expect(states()).toEqual([]);
  });

  test("that was transferred away ends as transferred; a refusal leaves it as it was", async () => {
    const session = await talking();
    const [call] = calls.here;
    refuse = new ControlError("conflict", "There is nobody called 999 here.");
    await expect(call!.transfer("999")).rejects.toThrow("nobody called");
    expect(states()).toEqual(["1 answered"]);
    refuse = undefined;
    await call!.transfer("103");
    session.bye();
    expect(call!.ending).toMatchObject({ reason: "transferred", by: "me" });
  });

  test("that is declined is refused on every device", () => {
    calls.onCall(callOf(1, "ringing", { state: "ringing" }));
    const session = invite(1);
    calls.here[0]!.decline("busy");
    expect(asked).toContainEqual(["decline", { call: id(1), reason: "busy" }]);
    expect(session.refusedWith).toBe(486);
  });

  test("of others is joined by a supervisor, who is named with both and may change how; a refusal leaves nothing behind", async () => {
    const theirs = { ...callOf(5, "answered"), caller: boris, callee: clara, participants: [{ ...boris, state: "talking" as const, muted: false, role: "caller" as const }, { ...clara, state: "talking" as const, muted: false, role: "callee" as const }] };
    await calls.supervise(id(5), theirs, "listen", undefined);
    const listening = invite(5, true);
    await settle();
    expect([listening.answered, calls.here[0]!.role, calls.here[0]!.others.map(({ name }) => name).join()]).toEqual([true, "listening", "Boris,Clara"]);
    const changing = calls.supervise(id(5), undefined, "whisper", undefined);
    listening.bye();
    expect(states()).toEqual(["5 rescuing"]);
    await changing;
    const whispering = invite(5, true);
    await settle();
    expect([whispering.answered, calls.here.length, calls.here[0]!.role]).toEqual([true, 1, "whispering"]);
    calls.here[0]!.hangup();
    refuse = new ControlError("forbidden", "You may not do that.");
    await expect(calls.supervise(id(5), theirs, "barge", undefined)).rejects.toThrow("may not");
    expect(states()).toEqual([]);
  });

  test("that asks somebody before a transfer does not hold the first one: the server does", async () => {
    const session = await talking();
    let held = false;
    session.hold = () => held = true;
    const asking = calls.here[0]!.consult("clara");
    calls.onCall(callOf(9, "ringing", { role: "caller", state: "ringing" }, { caller: anna, callee: clara }));
    const leg = invite(9, true);
    await asking.catch(() => {});
    await settle();
    expect([leg.answered, held]).toEqual([true, false]);
  });

  test("is put on hold when the server asks for it, and taken back without holding any other", async () => {
    const session = await talking();
    const holds: string[] = [];
    const holdable = session as unknown as { hold(): boolean; unhold(): boolean };
    for (const how of ["hold", "unhold"] as const) holdable[how] = () => {
      holds.push(how);
      return session.emit(how, { originator: "local" });
    };
    const asked = calls.here[0]!.callId!;
    calls.onCall(callOf(9, "answered", { role: "caller" }, { caller: anna, callee: clara }));
    const other = invite(9, true);
    await settle();
    other.hold = () => { throw new Error("Nobody asked for this."); };
    calls.onHoldCall(asked, true);
    await vi.advanceTimersByTimeAsync(1_000);
    calls.onHoldCall(asked, true);
    calls.onHoldCall(asked, false);
    calls.onHoldCall(id(8), true);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(holds).toEqual(["hold", "unhold"]);
  });
});

describe("with a SIP session and a line of the test's own, a call that is begun", () => {
  /** A line whose connection is lost, and comes back when it is told to. */
  function lineThatIs(connected: boolean): { line: SipLine; invited: TestSession[]; arrived: Set<TestSession>; connect: (there: boolean) => void } {
    const invited: TestSession[] = [];
    const arrived = new Set<TestSession>();
    const state = Promise.withResolvers<boolean>();
    const line = {
      connected,
      comesBack: () => state.promise,
      hasArrived: (session: unknown) => arrived.has(session as TestSession),
      invite: () => {
        const session = new TestSession();
        session.direction = "outgoing";
        invited.push(session);
        return session;
      },
    };
    return { line: line as unknown as SipLine, invited, arrived, connect: (there) => { line.connected = there; state.resolve(there); } };
  }
  const lose = (session: TestSession) => session.emit("failed", { originator: "local", message: null, cause: "Connection Error" });

  test("waits for the connection that was lost a moment ago", async () => {
    const { line, invited, connect } = lineThatIs(false);
    const call = calls.dial(() => line, "boris", boris);
    await settle();
    expect([invited.length, call.state]).toEqual([0, "dialling"]);
    connect(true);
    await settle();
    expect([invited.length, call.state]).toEqual([1, "dialling"]);
  });

  test("ends when that doesn't come", async () => {
    const { line, invited, connect } = lineThatIs(false);
    const call = calls.dial(() => line, "boris", boris);
    connect(false);
    await settle();
    expect([invited.length, call.state, call.ending?.reason]).toEqual([0, "ended", "connection-lost"]);
  });

  test("is sent once more when the connection was lost before the switch had heard of it, and no third time", async () => {
    const { line, invited } = lineThatIs(true);
    const call = calls.dial(() => line, "boris", boris);
    await settle();
    lose(invited[0]!);
    await settle();
    expect([invited.length, call.state]).toEqual([2, "dialling"]);
    lose(invited[1]!);
    await settle();
    expect([invited.length, call.ending?.reason]).toEqual([2, "connection-lost"]);
  });

  test("is sent over the next registration when the first switch says nothing, and cancelled at that", async () => {
    const [gone, next] = [lineThatIs(true), lineThatIs(true)];
    let { line } = gone;
    const call = calls.dial(() => line, "boris", boris);
    await vi.advanceTimersByTimeAsync(500);
    line = next.line;
    calls.look();
    await vi.advanceTimersByTimeAsync(1_000);
    expect([gone.invited[0]!.ended, next.invited.length]).toEqual([false, 0]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect([gone.invited[0]!.ended, next.invited.length, call.state]).toEqual([true, 1, "dialling"]);
    line = lineThatIs(true).line;
    calls.look();
    await vi.advanceTimersByTimeAsync(60_000);
    expect([next.invited[0]!.ended, call.state]).toEqual([false, "dialling"]);
    next.invited[0]!.emit("progress", { originator: "remote" });
    next.invited[0]!.emit("accepted");
    expect(call.state).toBe("answered");
  });

  test("stays with a switch that has said a word, and with one that has the registration still", async () => {
    const [first, next] = [lineThatIs(true), lineThatIs(true)];
    let { line } = first;
    const call = calls.dial(() => line, "boris", boris);
    await vi.advanceTimersByTimeAsync(5_000);
    calls.look();
    first.arrived.add(first.invited[0]!);
    line = next.line;
    calls.look();
    await vi.advanceTimersByTimeAsync(30_000);
    expect([first.invited[0]!.ended, first.invited.length, next.invited.length, call.state]).toEqual([false, 1, 0, "dialling"]);
  });

  test("is sent again by the next line when its switch was just ending, once", async () => {
    const [ending, next] = [lineThatIs(true), lineThatIs(false)];
    let { line } = ending;
    const turnAway = (session: TestSession) => session.emit("failed", { originator: "remote", message: { status_code: 410 }, cause: "SIP Failure Code" });
    const call = calls.dial(() => line, "boris", boris);
    await settle();
    turnAway(ending.invited[0]!);
    line = next.line;
    await vi.advanceTimersByTimeAsync(1_000);
    expect([ending.invited.length, next.invited.length, call.state]).toEqual([1, 0, "dialling"]);
    next.connect(true);
    await settle();
    expect([next.invited.length, call.state]).toEqual([1, "dialling"]);
    turnAway(next.invited[0]!);
    await vi.advanceTimersByTimeAsync(1_000);
    expect([next.invited.length, call.ending?.reason]).toEqual([1, "connection-lost"]);
  });

  test("waits for the line that takes the place of the one that it waited for", async () => {
    const [before, next] = [lineThatIs(false), lineThatIs(false)];
    let { line } = before;
    const call = calls.dial(() => line, "boris", boris);
    await settle();
    line = next.line;
    before.connect(false);
    await settle();
    expect(call.state).toBe("dialling");
    next.connect(true);
    await settle();
    expect([before.invited.length, next.invited.length]).toEqual([0, 1]);
  });

  test("is not sent again when the switch may be ringing already", async () => {
    const { line, invited, arrived } = lineThatIs(true);
    const call = calls.dial(() => line, "boris", boris);
    await settle();
    arrived.add(invited[0]!);
    lose(invited[0]!);
    await settle();
    expect([invited.length, call.ending?.reason]).toEqual([1, "connection-lost"]);
  });
});
