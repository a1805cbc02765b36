import type { RTCSession } from "jssip/lib/RTCSession.js";
import type { Call, Person } from "../protocol/wire.ts";
import { heldBy, learn, newCall, stateOf } from "./call-state.ts";
import type { CallFact, CallFacts, PhoneCallState } from "./call-state.ts";
import { describeEnd, isMissed, reasonFromSip } from "./end-reason.ts";
import type { CallDirection, CallEndReason, Ending } from "./end-reason.ts";
import { Emitter } from "./emitter.ts";
import { burstMs, isUsable } from "./ice.ts";
import type { Microphone, MicrophoneLease } from "./microphone.ts";
import { MicrophoneError } from "./microphone.ts";
import { RemoteAudio } from "./remote-audio.ts";
import type { SipLine } from "./sip-line.ts";

export type Peer = Pick<Person, "user" | "name" | "extension">;

export interface PhoneCallEvents {
  /** Anything about the call is different: its state, mute, hold, the quality of its connection, its reason. */
  changed: [];
  ended: [ending: Ending];
}

/** What a call needs of the telephone that it belongs to. */
export interface CallOwner {
  readonly microphone: Microphone;
  /** Puts every other call on hold before this one gets the ear. */
  holdOthers(call: PhoneCall): void;
  /** Asks the application server to end the call, for when the switch can't be told from here. */
  hangUpRemotely(callId: string): void;
}

/** Milliseconds that a session may outlive its call in the application server. */
const orphanMs = 3_000;
/** Milliseconds without media after which a call is over; ICE may mend itself before. */
const mediaLostMs = 20_000;
/** Milliseconds that a wish to hold may wait for the last change to be agreed on, and between two looks. */
const holdMs = 10_000;
const holdRetryMs = 50;
/** Digits of one request to send tones. */
const mostDigits = 32;

let nextKey = 1;

/** A call of this page, from the first ring to its reason for ending. */
export class PhoneCall extends Emitter<PhoneCallEvents> {
  /** Unique in this page, known before the server knows the call. */
  readonly key = `call-${nextKey++}`;
  readonly direction: CallDirection;
  /** User name or extension, as dialled or as the From header had it. */
  readonly address: string;
  readonly startedAt = Date.now();
  readonly #owner: CallOwner;
  #peer: Peer;
  #facts: CallFacts;
  #callId: string | undefined;
  #answeredAt: number | undefined;
  #endedAt: number | undefined;
  #session: RTCSession | undefined;
  #line: SipLine | undefined;
  #lease: MicrophoneLease | undefined;
  #audio: RemoteAudio | undefined;
  #remoteStream: MediaStream | undefined;
  #earlyMedia = false;
  #muted = false;
  #answering = false;
  #unstable = false;
  #holdWanted: boolean | undefined;
  #holdRetry: ReturnType<typeof setTimeout> | undefined;
  #orphan: ReturnType<typeof setTimeout> | undefined;
  #mediaLost: ReturnType<typeof setTimeout> | undefined;

  private constructor(owner: CallOwner, direction: CallDirection, address: string, peer: Peer) {
    super();
    this.#owner = owner;
    this.direction = direction;
    this.address = address;
    this.#peer = peer;
    this.#facts = newCall(direction);
  }

  /** Calls somebody: the microphone, then the INVITE. */
  static dial(owner: CallOwner, line: SipLine, address: string, peer: Peer): PhoneCall {
    const call = new PhoneCall(owner, "outgoing", address, peer);
    call.#line = line;
    void call.#withMicrophone((stream) => call.#take(line.invite(address, stream)));
    return call;
  }

  /** Somebody calls. */
  static receive(owner: CallOwner, line: SipLine, session: RTCSession, address: string, peer: Peer): PhoneCall {
    const call = new PhoneCall(owner, "incoming", address, peer);
    call.#line = line;
    call.#take(session);
    return call;
  }

  get peer(): Peer {
    return this.#peer;
  }

  get state(): PhoneCallState {
    return stateOf(this.#facts);
  }

  /** Who put the call on hold, while it is. */
  get heldBy(): "me" | "peer" | "both" | undefined {
    return heldBy(this.#facts);
  }

  get muted(): boolean {
    return this.#muted;
  }

  /** Answered here, and the switch has not confirmed it yet. */
  get answering(): boolean {
    return this.#answering && this.state === "ringing";
  }

  /** Media is interrupted and may come back by itself. */
  get unstable(): boolean {
    return this.#unstable;
  }

  /** The switch sends a sound of its own before the answer: no ringback tone is needed. */
  get earlyMedia(): boolean {
    return this.#earlyMedia;
  }

  get answeredAt(): number | undefined {
    return this.#answeredAt;
  }

  get endedAt(): number | undefined {
    return this.#endedAt;
  }

  /** The server's id of the call, once it is known. */
  get callId(): string | undefined {
    return this.#callId;
  }

  get remoteStream(): MediaStream | undefined {
    return this.#remoteStream;
  }

  /** The peer connection, for measuring. */
  get connection(): RTCPeerConnection | undefined {
    return this.#session?.connection ?? undefined;
  }

  get ending(): Ending | undefined {
    const { end, answered } = this.#facts;
    return end && { ...end, direction: this.direction, name: this.#peer.name, answered };
  }

  /** Why it ended, in a sentence. */
  get reason(): string | undefined {
    return this.ending && describeEnd(this.ending);
  }

  get missed(): boolean {
    return this.ending !== undefined && isMissed(this.ending);
  }

  /** Answers an incoming call; any other call goes on hold. */
  answer(): void {
    if (this.direction !== "incoming" || this.state !== "ringing" || this.#answering) return;
    this.#answering = true;
    this.emit("changed");
    this.#owner.holdOthers(this);
    void this.#withMicrophone((mediaStream) => this.#session?.answer({ mediaStream, pcConfig: { iceServers: [] } }));
  }

  /** Refuses an incoming call: "declined", or "busy" so that the caller may try again later. */
  decline(as: "declined" | "busy" = "declined"): void {
    if (this.direction !== "incoming" || this.state !== "ringing") return;
    this.#learn({ type: "ended", reason: as, by: "me" });
    this.#terminate(as === "busy" ? 486 : 603);
  }

  /** Ends the call, whatever state it is in. */
  hangup(): void {
    if (this.state === "ended") return;
    if (this.direction === "incoming" && !this.#facts.answered) return this.decline();
    if (this.#callId && !this.#line?.connected) this.#owner.hangUpRemotely(this.#callId);
    this.#learn({ type: "ended", reason: this.#facts.answered ? "hung-up" : "cancelled", by: "me" });
    this.#terminate();
  }

  /** Switches the microphone off for this call, or on again; without an argument, the other of the two. */
  mute(on = !this.#muted): void {
    if (this.state === "ended" || on === this.#muted) return;
    this.#muted = on;
    this.#applyMute();
    this.emit("changed");
  }

  /**
   * Puts the call on hold, or takes it back; false when it isn't answered. While the two sides are still agreeing on the
   * last change (a quick finger), it happens as soon as they have.
   */
  hold(on = !(this.#holdWanted ?? this.#facts.heldByMe)): boolean {
    if (!this.#facts.answered || this.state === "ended" || !this.#session) return false;
    if (!on && this.#facts.heldByMe) this.#owner.holdOthers(this);
    this.#holdWanted = on;
    this.#applyHold(Date.now() + holdMs);
    return true;
  }

  #applyHold(until: number): void {
    clearTimeout(this.#holdRetry);
    const wanted = this.#holdWanted;
    if (wanted === undefined || this.state === "ended" || !this.#session) return;
    const agreed = wanted === this.#facts.heldByMe || (wanted ? this.#session.hold() : this.#session.unhold());
    if (agreed || Date.now() > until) this.#holdWanted = undefined;
    else this.#holdRetry = setTimeout(() => this.#applyHold(until), holdRetryMs);
  }

  /** Sends tones: 0-9, *, #, A-D. */
  dtmf(digits: string): void {
    if (!new RegExp(`^[0-9A-D*#]{1,${mostDigits}}$`).test(digits)) throw new Error(`Tones are up to ${mostDigits} of 0-9, *, # and A-D, not "${digits.slice(0, mostDigits)}".`);
    if (this.#facts.answered && this.state !== "ended") this.#session?.sendDTMF(digits);
  }

  /** What the application server says about this call. */
  learnFromServer(call: Call): void {
    this.#callId = call.id;
    const { user, name, extension } = this.direction === "outgoing" ? call.callee : call.caller;
    this.#peer = { user, name, extension };
    this.#learn({ type: "control", call });
    clearTimeout(this.#orphan);
    if (call.state === "ended" && this.state !== "ended") this.#orphan = setTimeout(() => this.#end(call.reason ?? "failed", "system"), orphanMs);
  }

  /** Runs a step that needs the microphone; without one the call ends and says so. */
  async #withMicrophone(step: (stream: MediaStream) => void): Promise<void> {
    try {
      const lease = await this.#owner.microphone.lease();
      // Hung up while the browser was asking.
      if (this.state === "ended") return lease.release();
      this.#lease = lease;
      for (const track of lease.stream.getTracks()) track.enabled = !this.#muted;
      step(lease.stream);
    } catch (error) {
      if (!(error instanceof MicrophoneError)) console.error(error);
      this.#end(error instanceof MicrophoneError ? "no-microphone" : "failed", "me");
    }
  }

  #take(session: RTCSession): void {
    this.#session = session;
    if (session.connection) this.#watch(session.connection);
    else session.on("peerconnection", ({ peerconnection }) => this.#watch(peerconnection));
    this.#hurryIce(session);
    session.on("progress", (event: { originator: unknown; response?: { body?: string } | null }) => {
      if (event.originator !== "remote") return;
      this.#earlyMedia ||= Boolean(event.response?.body);
      this.#learn({ type: "progress" });
    });
    session.on("accepted", () => {
      this.#applyMute();
      this.#learn({ type: "accepted" });
    });
    session.on("hold", ({ originator }) => this.#learn({ type: "hold", by: sideOf(originator) }));
    session.on("unhold", ({ originator }) => this.#learn({ type: "unhold", by: sideOf(originator) }));
    const ended = ({ originator, message, cause }: { originator: unknown; message: unknown; cause: string }) => {
      const by = originator === "local" ? "me" : originator === "remote" ? "peer" : "system";
      this.#learn({ type: "ended", reason: reasonFromSip({ cause, ...describeMessage(message) }), by });
    };
    session.on("ended", ended);
    session.on("failed", ended);
  }

  /** Sends the offer or answer with the first addresses instead of waiting for all. */
  #hurryIce(session: RTCSession): void {
    let hurried = false;
    session.on("icecandidate", ({ candidate, ready }) => {
      if (hurried || !isUsable(candidate.candidate)) return;
      hurried = true;
      setTimeout(() => {
        hurried = false;
        ready();
      }, burstMs);
    });
  }

  /** JsSIP does not say that media broke off, so the connection is watched here. */
  #watch(connection: RTCPeerConnection): void {
    connection.addEventListener("track", ({ track, streams }) => {
      this.#remoteStream = streams[0] ?? new MediaStream([track]);
      this.#audio ??= new RemoteAudio(this.#peer.name);
      this.#audio.play(this.#remoteStream);
      this.emit("changed");
    });
    connection.addEventListener("connectionstatechange", () => {
      if (this.state === "ended") return;
      const { connectionState } = connection;
      if (connectionState === "failed") return this.#end("connection-lost", "system");
      const unstable = connectionState === "disconnected";
      if (unstable === this.#unstable) return;
      this.#unstable = unstable;
      clearTimeout(this.#mediaLost);
      if (unstable) this.#mediaLost = setTimeout(() => this.#end("connection-lost", "system"), mediaLostMs);
      this.emit("changed");
    });
  }

  #end(reason: CallEndReason, by: Ending["by"]): void {
    if (this.state === "ended") return;
    this.#learn({ type: "ended", reason, by });
    if (this.#callId && reason === "connection-lost") this.#owner.hangUpRemotely(this.#callId);
    this.#terminate();
  }

  /** JsSIP switches tracks of a connection, so before there is one the stream itself is switched. */
  #applyMute(): void {
    if (!this.#session?.connection) return;
    if (this.#muted) this.#session.mute({ audio: true });
    else this.#session.unmute({ audio: true });
  }

  #terminate(status?: number): void {
    try {
      if (this.#session && !this.#session.isEnded()) this.#session.terminate(status === undefined ? {} : { status_code: status });
    } catch {
      // It ended in between: JsSIP refuses to end a session twice.
    }
  }

  #learn(fact: CallFact): void {
    const before = this.#facts;
    this.#facts = learn(before, fact);
    if (this.#facts === before) return;
    if (this.#facts.answered && !before.answered) this.#answeredAt = Date.now();
    const endedNow = this.#facts.phase === "ended" && before.phase !== "ended";
    if (endedNow) this.#release();
    this.emit("changed");
    if (endedNow && this.ending) this.emit("ended", this.ending);
  }

  #release(): void {
    this.#endedAt = Date.now();
    clearTimeout(this.#orphan);
    clearTimeout(this.#mediaLost);
    this.#audio?.close();
    this.#lease?.release();
    this.#lease = undefined;
  }
}

function sideOf(originator: unknown): "me" | "peer" {
  return originator === "local" ? "me" : "peer";
}

/** Status code and Reason header of the SIP message that ended a session, when one did. */
function describeMessage(message: unknown): { status?: number | undefined; reasonHeader?: string | undefined } {
  const sip = message as { status_code?: number; getHeader?(name: string): string | undefined } | null;
  return { status: sip?.status_code ?? undefined, reasonHeader: sip?.getHeader?.("Reason") ?? undefined };
}
