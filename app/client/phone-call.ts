import { limits } from "../protocol/wire.ts";
import type { Call, Participant, Person } from "../protocol/wire.ts";
import { CallCommands } from "./call-commands.ts";
import type { LeavingReason } from "./call-commands.ts";
import type { CallLeg } from "./call-leg.ts";
import { CallLegs } from "./call-legs.ts";
import { sideOf } from "./call-match.ts";
import { heldBy, learn, newCall, stateOf, waitsFor } from "./call-state.ts";
import type { CallFact, CallFacts, PhoneCallState, Side } from "./call-state.ts";
import { isMissed } from "./end-reason.ts";
import type { CallDirection, CallEndReason, EndedBy, Ending } from "./end-reason.ts";
import { describeEnd } from "./end-sentence.ts";
import type { Language } from "./end-sentence.ts";
import type { Microphone } from "./microphone.ts";
import { MicrophoneError } from "./microphone.ts";
import type { Request } from "./request.ts";
import { holderOf, isElsewhere, ownPart } from "./own-part.ts";

export type Peer = Pick<Person, "user" | "name" | "extension">;

/** What a call needs of the telephone that it belongs to. @internal */
export interface CallOwner {
  readonly microphone: Microphone;
  readonly language: Language;
  /** User name of this person. */
  readonly me: string | undefined;
  /** Public id of this session. */
  readonly device: string | undefined;
  /** Id of the speaker that voices are played on; empty for the system's. */
  readonly speaker: string;
  /** How this person supervises a call of others, of which the server tells a hidden supervisor nothing. */
  supervises(callId: string): Participant["role"] | undefined;
  /** Whether a command of this device is about to bring a leg of the call here. */
  expectsLeg(callId: string): boolean;
  /** Puts every other call on hold before this one gets the ear. */
  holdOthers(call: PhoneCall): void;
  /** Sends a command about a call over the control connection. */
  readonly command: Request;
  /** Asks the application server to end the call, for when the switch can't be told from here. */
  hangUpRemotely(callId: string): void;
  /** This device lost its leg of a call that goes on. */
  lost(call: PhoneCall): void;
  /** Media of a call broke off: the network may be gone, or another one, or only the way that media went. */
  shaken(call: PhoneCall): void;
}

/** How a call gets to the switch. @internal */
export interface WayOut {
  readonly isOpen: boolean;
  /** Resolves with whether it is open, in a moment. */
  opens(): Promise<boolean>;
  invite(stream: MediaStream): CallLeg;
  /** Whether calls go over the connection of this leg still. */
  isOf(leg: CallLeg): boolean;
}

/** Milliseconds that a session may outlive its call in the application server. */
const orphanMs = 3_000;
/** Milliseconds that a call without a leg waits for the server's word: longer than the server itself waits. */
const rescueMs = limits.rescueSeconds * 1_000 + 5_000;
/** Milliseconds that a wish to hold may wait for the last change to be agreed on, and between two looks. */
const holdMs = 10_000;
const holdRetryMs = 50;
/** Milliseconds in which a switch that is there has said that an INVITE came. */
const unheardMs = 2_000;
/** Milliseconds in which others, who are sent to another switch at the same time, have registered there too. */
const othersMs = 700;
/** Milliseconds in which a switch that ends closes its connections. */
const turnedAwayMs = 500;
/** Milliseconds after the answer until the switch plays music to whoever is held. */
const bridgeSettlesMs = 500;
/** Digits of one request to send tones. */
const mostDigits = 32;

let nextKey = 1;

/** A call of this page, from the first ring to its reason for ending: through holds, transfers, reloads and other switches. */
export class PhoneCall extends CallCommands {
  /** Unique in this page, known before the server knows the call. */
  readonly key = `call-${nextKey++}`;
  readonly direction: CallDirection;
  /** User name or extension, as dialled or as the From header had it. */
  readonly address: string;
  readonly startedAt: number;
  readonly #owner: CallOwner;
  #peer: Peer;
  #facts: CallFacts;
  #callId: string | undefined;
  #server: Call | undefined;
  #answeredAt: number | undefined;
  #endedAt: number | undefined;
  readonly #legs: CallLegs;
  #answering = false;
  #holdWanted: boolean | undefined;
  /** How it is sent for the first time; not once it was sent a second time. */
  #way: WayOut | undefined;
  #turnedAway = false;
  /** When its INVITE went out. */
  #invitedAt = 0;
  /** It was on hold when its leg was lost: the next one is, too. */
  #holdAgain = false;
  /** Why this person leaves the call, once the server has agreed to it. */
  #leaving: LeavingReason | undefined;
  readonly #timers: Partial<Record<"hold" | "orphan" | "rescue" | "leaving" | "unheard" | "redial", ReturnType<typeof setTimeout> | undefined>> = {};

  private constructor(owner: CallOwner, direction: CallDirection, address: string, peer: Peer, startedAt = Date.now()) {
    super();
    this.#owner = owner;
    this.direction = direction;
    this.address = address;
    this.startedAt = startedAt;
    this.#peer = peer;
    this.#facts = newCall(direction);
    this.#legs = new CallLegs(owner.microphone, () => owner.speaker, peer.name);
    this.#legs.on("progress", () => this.#learn({ type: "progress" }));
    this.#legs.on("accepted", () => this.#onAccepted());
    this.#legs.on("hold", (by) => this.#learn({ type: "hold", by }));
    this.#legs.on("unhold", (by) => this.#learn({ type: "unhold", by }));
    this.#legs.on("broken", () => this.#lose());
    this.#legs.on("ended", (reason, by) => this.#onLegEnded(reason, by));
    this.#legs.on("missed", () => {
      if (this.#facts.legLost) this.#owner.lost(this);
      else if (this.unstable) this.#owner.shaken(this);
    });
    this.#legs.on("changed", () => {
      if (this.unstable) this.#owner.shaken(this);
      this.#settleRescue();
      this.emit("changed");
    });
  }

  /** Calls somebody: the microphone, then the INVITE, over a way that is waited for if it was lost a moment ago. @internal */
  static dial(owner: CallOwner, address: string, peer: Peer, way: WayOut): PhoneCall {
    const call = new PhoneCall(owner, "outgoing", address, peer);
    call.#way = way;
    call.#legs.on("unheard", () => call.#redial());
    call.#legs.on("turnedAway", () => call.#onTurnedAway());
    void call.#dial(way);
    return call;
  }

  async #dial(way: WayOut): Promise<void> {
    if (!way.isOpen && !await way.opens()) return this.#end("connection-lost", "system");
    if (this.state === "ended") return;
    await this.#withMicrophone((stream) => {
      this.#invitedAt = Date.now();
      this.#legs.take(way.invite(stream));
    });
  }

  /** The connection was lost before the switch had heard of the call: it is sent once more. */
  #redial(): void {
    const way = this.#way;
    this.#way = undefined;
    if (way) void this.#dial(way);
    else this.#end("connection-lost", "system");
  }

  /** The switch ends, and takes no call any more: the call is sent again when its connections have closed, over the next one. */
  #onTurnedAway(): void {
    const way = this.#way;
    if (!way || this.#turnedAway) return this.#end("connection-lost", "system");
    this.#turnedAway = true;
    this.#timers.redial = setTimeout(() => void this.#dial(way), turnedAwayMs);
  }

  /**
   * Calls may go another way now. An INVITE that nobody has heard of went to a switch that is gone: SIP itself would wait for it for 32 s (RFC 3261,
   * timer B), so it is given up and sent the other way. Should that switch yet say a word, it is told that the call was cancelled. @internal
   */
  lookAtWay(): void {
    if (!this.#goesNowhere) return;
    this.#timers.unheard ??= setTimeout(() => {
      this.#timers.unheard = undefined;
      if (!this.#goesNowhere) return;
      this.#legs.giveUp();
      this.#redial();
    }, Math.max(othersMs, this.#invitedAt + unheardMs - Date.now()));
  }

  get #goesNowhere(): boolean {
    const [way, leg] = [this.#way, this.#legs.current];
    return way !== undefined && leg !== undefined && this.state === "dialling" && !leg.hasArrived && !way.isOf(leg) && way.isOpen;
  }

  /** Somebody calls; or a leg of this person's own call, asked for over the control connection, has come. @internal */
  static receive(owner: CallOwner, leg: CallLeg, direction: CallDirection, address: string, peer: Peer, callId?: string): PhoneCall {
    const call = new PhoneCall(owner, direction, address, peer);
    call.#callId = callId;
    call.#legs.take(leg);
    return call;
  }

  /** A call of this device's that an earlier page was in: it waits for its leg. @internal */
  static rejoin(owner: CallOwner, server: Call, direction: CallDirection, peer: Peer): PhoneCall {
    const call = new PhoneCall(owner, direction, peer.user, peer, Math.min(server.startedAt, Date.now()));
    call.#callId = server.id;
    call.#answeredAt = Math.min(server.answeredAt ?? Date.now(), Date.now());
    call.#lose();
    // Opened while the registration is under way: the voice comes back as much sooner.
    void call.#withMicrophone(() => {});
    return call;
  }

  /** The other side: of a call of several people, whom it was begun with. */
  get peer(): Peer {
    return this.#peer;
  }

  /** Everybody else in the call now, as the server tells it. */
  get others(): Participant[] {
    return (this.#server?.participants ?? []).filter(({ user }) => user !== this.#owner.me);
  }

  get state(): PhoneCallState {
    return stateOf(this.#facts);
  }

  /** Who put the call on hold, while it is. */
  get heldBy(): Side | "both" | undefined {
    return heldBy(this.#facts);
  }

  /** Whom the call waits for, in the state `rescuing`. */
  get waitsFor(): Side | undefined {
    return waitsFor(this.#facts);
  }

  /** The call that one of its participants asks somebody by before an attended transfer, by its id. */
  override get consultation(): string | undefined {
    return this.#server?.consultation;
  }

  /** The room in which the call takes place, when it does. */
  get room(): string | undefined {
    return this.#server?.room;
  }

  /** The parking space in which this person waits, when somebody parked the call. */
  get space(): number | undefined {
    return this.#server?.space;
  }

  /** How this person takes part, once the server has said it. */
  get role(): Participant["role"] | undefined {
    return this.#ownPart()?.role ?? (this.#callId === undefined ? undefined : this.#owner.supervises(this.#callId));
  }

  get muted(): boolean {
    return this.#legs.muted;
  }

  /** Answered here, and the switch has not confirmed it yet. */
  get answering(): boolean {
    return this.#answering && this.state === "ringing";
  }

  /** Media is interrupted and may come back by itself. */
  get unstable(): boolean {
    return this.#legs.current?.unstable === true && this.state !== "ended";
  }

  /** The switch sends a sound of its own before the answer: no ringback tone is needed. */
  get earlyMedia(): boolean {
    return this.#legs.earlyMedia;
  }

  get answeredAt(): number | undefined {
    return this.#answeredAt;
  }

  get endedAt(): number | undefined {
    return this.#endedAt;
  }

  /** The server's id of the call, once it is known. */
  override get callId(): string | undefined {
    return this.#callId;
  }

  /** The call as the server told it last. */
  get server(): Call | undefined {
    return this.#server;
  }

  get remoteStream(): MediaStream | undefined {
    return this.#legs.current?.remoteStream;
  }

  /** The peer connection, for measuring. */
  get connection(): RTCPeerConnection | undefined {
    return this.#legs.current?.connection;
  }

  get ending(): Ending | undefined {
    const { end, answered } = this.#facts;
    return end && { ...end, direction: this.direction, name: this.#peer.name, answered };
  }

  /** Why it ended, in a sentence. */
  get reason(): string | undefined {
    return this.ending && describeEnd(this.ending, this.#owner.language);
  }

  get missed(): boolean {
    return this.ending !== undefined && isMissed(this.ending);
  }

  /** Whether it was begun here by the INVITE with this Call-ID. @internal */
  begunBy(sipCallId: string): boolean {
    return this.direction === "outgoing" && this.#legs.first?.isDialog(sipCallId) === true;
  }

  /** Whether this device still waits for a leg of the call, and none is on its way. @internal */
  get needsLeg(): boolean {
    return this.#facts.legLost && this.#facts.phase !== "ended" && !this.#legs.isChanging;
  }

  /** Whether this device may ask for another leg of the call: it waits for one, or the one that it has carries nothing at the moment. @internal */
  get wantsLeg(): boolean {
    const isSupervised = this.#callId !== undefined && this.#owner.supervises(this.#callId) !== undefined;
    return this.needsLeg || (this.unstable && this.#facts.answered && !this.#legs.isChanging && !isSupervised);
  }

  /** Answers an incoming call; any other call goes on hold. */
  answer(): void {
    if (this.direction !== "incoming" || this.state !== "ringing") return;
    this.#owner.holdOthers(this);
    this.answerLeg();
  }

  /** Answers the leg that came here, also one of a call that this person asked for elsewhere. @internal */
  answerLeg(): void {
    const leg = this.#legs.current;
    if (this.#answering || !leg) return;
    this.#answering = true;
    this.emit("changed");
    void this.#withMicrophone((stream) => leg.answer(stream));
  }

  /** A new leg of this call has come, after a reload, a lost network, a dead switch or a move: it takes over. @internal */
  adopt(leg: CallLeg): void {
    void this.#orEnd(this.#legs.adopt(leg));
  }

  /** Refuses an incoming call, on every device of this person's: "declined", or "busy" so that the caller may try again later. */
  decline(as: "declined" | "busy" = "declined"): void {
    if (this.direction !== "incoming" || this.state !== "ringing") return;
    // The switch alone would go on ringing the other devices; without the server this one at least is quiet.
    if (this.#callId) this.#owner.command("decline", { call: this.#callId, reason: as }).catch(() => {});
    this.#learn({ type: "ended", reason: as, by: "me" });
    this.#legs.terminate(as === "busy" ? 486 : 603);
  }

  /** Ends the call, whatever state it is in; leaves it, when more than two are in it. */
  hangup(): void {
    if (this.state === "ended") return;
    if (this.direction === "incoming" && !this.#facts.answered) return this.decline();
    if (this.#callId && (this.#facts.legLost || !this.#legs.current?.line.connected)) this.#owner.hangUpRemotely(this.#callId);
    this.#learn({ type: "ended", reason: this.#facts.answered ? "hung-up" : "cancelled", by: "me" });
    this.#legs.terminate();
  }

  /** Switches the microphone off for this call, or on again; without an argument, the other of the two. */
  mute(on = !this.muted): void {
    if (this.state === "ended" || on === this.muted) return;
    this.#legs.mute(on);
    this.emit("changed");
  }

  /**
   * Puts the call on hold, or takes it back; false when it isn't answered. While the two sides are still agreeing on the
   * last change (a quick finger), it happens as soon as they have.
   */
  hold(on = !(this.#holdWanted ?? this.#isHeldByMe)): boolean {
    if (!this.#facts.answered || this.state === "ended" || this.#facts.legLost || !this.#legs.current) return false;
    if (!on && this.#isHeldByMe) this.#owner.holdOthers(this);
    // The server held it (a consultation): it alone can take that back.
    if (!on && !this.#facts.heldByMe && this.#isHeldByMe && this.#callId) {
      this.#owner.command("unhold", { call: this.#callId }).catch(() => {});
      return true;
    }
    this.#holdWanted = on;
    this.#applyHold(Date.now() + holdMs);
    return true;
  }

  /** As the server asks: nothing else is put on hold for it, and what the switch holds by itself is not this device's to take back. @internal */
  holdAsAsked(on: boolean): void {
    if (!this.#facts.answered || this.state === "ended" || this.#facts.legLost || !this.#legs.current) return;
    this.#holdWanted = on;
    this.#applyHold(Date.now() + holdMs);
  }

  /** Sends tones: 0-9, *, #, A-D. */
  dtmf(digits: string): void {
    if (!new RegExp(`^[0-9A-D*#]{1,${mostDigits}}$`).test(digits)) throw new Error(`Tones are up to ${mostDigits} of 0-9, *, # and A-D, not "${digits.slice(0, mostDigits)}".`);
    if (this.#facts.answered && this.state !== "ended") this.#legs.current?.sendDigits(digits);
  }

  /** The call has become part of another one, which goes on over this leg. @internal */
  becomes(id: string): void {
    this.#callId = id;
    // Whoever connected the two is in it no longer: then this leg ends in a moment.
    clearTimeout(this.#timers.orphan);
    this.#leaving = "merged";
    this.leave("merged");
  }

  /** What the application server says about this call. @internal */
  learnFromServer(call: Call): void {
    const before = JSON.stringify(this.#server);
    const held = this.#ownPart()?.holds ?? false;
    const { me, device } = this.#owner;
    this.#callId = call.id;
    this.#server = call;
    const side = me === undefined ? undefined : sideOf(call, me);
    if (side) this.#peer = { user: side.peer.user, name: side.peer.name, extension: side.peer.extension };
    const mine = this.#ownPart();
    const facts = this.#facts;
    const rescued = mine?.state === "rescuing" || (!call.participants && facts.legLost) ? "me" : "peer";
    this.#learn({ type: "control", call, rescued, holds: holderOf(call, me, mine) });
    // The server took back (a swap, the end of a consultation) what this page held.
    if (held && !mine?.holds && call.state !== "ended" && this.#facts.heldByMe && this.#holdWanted === undefined) this.holdAsAsked(false);
    if (this.#facts.legLost && mine?.holds) this.#holdAgain = true;
    if (isElsewhere(call, mine, device) && (this.#facts.phase === "ended" || this.#facts.legLost)) {
      this.#learn({ type: "moved" });
      this.#legs.terminate();
    }
    const { current } = this.#legs;
    if (!this.#facts.answered && current?.incoming && current.accepted && call.answeredAt !== undefined && call.state !== "ended") this.#learn({ type: "accepted" });
    clearTimeout(this.#timers.orphan);
    if (call.state === "ended" && this.state !== "ended") {
      if (this.#facts.legLost) this.#end(call.reason ?? "failed", "system");
      else this.#timers.orphan = setTimeout(() => this.#end(call.reason ?? "failed", "system"), orphanMs);
    }
    if (facts === this.#facts && before !== JSON.stringify(call)) this.emit("changed");
  }

  /** @internal */
  changeMicrophone(): Promise<void> {
    return this.#legs.changeMicrophone(this.muted || this.#facts.heldByMe);
  }

  /** @internal */
  changeSpeaker(): void {
    this.#legs.changeSpeaker();
  }

  #ownPart(): Participant | undefined {
    return ownPart(this.#server, this.#owner.me, this.#owner.device);
  }

  get #isHeldByMe(): boolean {
    return this.heldBy === "me" || this.heldBy === "both";
  }

  /** @internal */
  protected override get request(): Request {
    return this.#owner.command;
  }

  /** @internal */
  protected override expectToLeave(reason: LeavingReason | undefined): void {
    this.#leaving = reason;
  }

  /** @internal */
  protected override leave(reason: LeavingReason): void {
    clearTimeout(this.#timers.leaving);
    // Which of two legs a conference goes on over is the server's choice: the other one ends by itself.
    this.#timers.leaving = setTimeout(() => (reason === "merged" ? (this.#leaving = undefined) : this.#end(reason, "me")), orphanMs);
  }

  #applyHold(until: number): void {
    clearTimeout(this.#timers.hold);
    const wanted = this.#holdWanted;
    if (wanted === undefined || this.state === "ended" || this.#facts.legLost || !this.#legs.current) {
      this.#holdWanted = undefined;
      return;
    }
    const early = wanted && Date.now() < (this.#answeredAt ?? 0) + bridgeSettlesMs;
    const agreed = wanted === this.#facts.heldByMe || (!early && this.#legs.current.hold(wanted));
    if (agreed || Date.now() > until) this.#holdWanted = undefined;
    else this.#timers.hold = setTimeout(() => this.#applyHold(until), holdRetryMs);
  }

  #withMicrophone(step: (stream: MediaStream) => void): Promise<void> {
    return this.#orEnd(this.#legs.withMicrophone(step));
  }

  /** Without a microphone the call ends, and says so. */
  async #orEnd(step: Promise<void>): Promise<void> {
    try {
      await step;
    } catch (error) {
      if (!(error instanceof MicrophoneError)) console.error(error);
      this.#end(error instanceof MicrophoneError ? "no-microphone" : "failed", "me");
    }
  }

  #onAccepted(): void {
    // This device answered first and the other side still rings: a call that the switch makes for this person.
    const rings = this.direction === "outgoing" && this.#legs.current?.incoming === true && this.#server?.answeredAt === undefined && !this.#facts.answered;
    const facts = this.#facts;
    this.#learn({ type: rings ? "progress" : "accepted" });
    if (facts === this.#facts) this.emit("changed");
    if (this.#holdAgain) this.hold(true);
    this.#holdAgain = false;
  }

  #onLegEnded(reason: CallEndReason, by: EndedBy): void {
    if (this.state === "ended") return;
    if (this.#leaving) return this.#learn({ type: "ended", reason: this.#leaving, by: "me" });
    // By this device, though nobody here asked for it: JsSIP could not go on.
    const cutOff = reason === "connection-lost" || by === "me" || this.#facts.rescuedInControl === "me" || this.#facts.legLost || this.#legs.isChanging || (this.#callId !== undefined && this.#owner.expectsLeg(this.#callId));
    if (this.#facts.answered && this.#callId && cutOff) return this.#lose();
    this.#learn({ type: "ended", reason, by });
    // The server's word may have come first.
    if (this.#server?.state === "ended") this.#learn({ type: "control", call: this.#server });
  }

  /** The leg is of no use any more: the server brings the people together again, or says that it could not. */
  #lose(): void {
    if (this.state === "ended") return;
    if (!this.#callId) return this.#end("connection-lost", "system");
    this.#timers.rescue ??= setTimeout(() => this.#end("connection-lost", "system"), rescueMs);
    this.#holdWanted = undefined;
    this.#holdAgain ||= this.#isHeldByMe;
    this.#learn({ type: "lost" });
    // A call of others can't be moved here: it is joined anew.
    if (this.#callId === undefined || this.#owner.supervises(this.#callId) === undefined) this.#owner.lost(this);
  }

  /** The call is whole again when a leg is there and is heard: one that is answered may find no way for its media. */
  #settleRescue(): void {
    if (this.#facts.legLost || this.#legs.current?.carries === false) return;
    clearTimeout(this.#timers.rescue);
    this.#timers.rescue = undefined;
  }

  #end(reason: CallEndReason, by: EndedBy): void {
    if (this.state === "ended") return;
    this.#learn({ type: "ended", reason, by });
    if (this.#callId && reason === "connection-lost") this.#owner.hangUpRemotely(this.#callId);
    this.#legs.terminate();
  }

  #learn(fact: CallFact): void {
    const before = this.#facts;
    this.#facts = learn(before, fact);
    if (this.#facts === before) return;
    if (this.#facts.answered && !before.answered) this.#answeredAt ??= Date.now();
    if (before.legLost) this.#settleRescue();
    const endedNow = this.#facts.phase === "ended" && before.phase !== "ended";
    if (endedNow) this.#release();
    this.emit("changed");
    if (endedNow && this.ending) this.emit("ended", this.ending);
  }

  #release(): void {
    this.#endedAt ??= Date.now();
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    this.#legs.close();
  }
}
