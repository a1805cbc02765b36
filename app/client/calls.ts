import type { RTCSession } from "jssip/lib/RTCSession.js";
import type { IncomingRequest } from "jssip/lib/SIPMessage.js";
import { callId as callIdName } from "../protocol/wire.ts";
import type { Call, ParamsInput, Participant, RequestName, Result, Supervision } from "../protocol/wire.ts";
import { mayAnswer } from "./auto-answer.ts";
import { CallLeg } from "./call-leg.ts";
import { sessionFor, sideOf } from "./call-match.ts";
import { CommandLog } from "./command-log.ts";
import { Emitter } from "./emitter.ts";
import type { Language } from "./end-sentence.ts";
import type { Microphone } from "./microphone.ts";
import type { MuteMemory } from "./mute-memory.ts";
import type { People } from "./people.ts";
import { PhoneCall } from "./phone-call.ts";
import type { CallOwner, Peer } from "./phone-call.ts";
import type { Request } from "./request.ts";
import { Rescue } from "./rescue.ts";
import type { SipLine } from "./sip-line.ts";

export interface CallsEvents {
  /** Somebody calls. */
  incoming: [call: PhoneCall];
  /** Anything about a call changed, also that it is new or over. */
  call: [call: PhoneCall];
  /** A call of this person's that has no leg here is new, changed or over: at another device, or parked. */
  elsewhere: [];
  /** A call is over; told again when its reason becomes better known. */
  over: [call: PhoneCall, again: boolean];
  /** A call of this person's is over that never rang here. */
  unheard: [call: Call];
  /** Media of a call broke off: the connections may be dead, too. */
  shaken: [];
}

/** What calls need of the telephone. */
export interface Telephony {
  readonly microphone: Microphone;
  readonly people: People;
  language(): Language;
  speaker(): string;
  readonly request: Request;
  readonly muted: MuteMemory;
  /** Whether a new leg could come now: both connections are there. */
  reachable(): boolean;
}

/** Milliseconds after its end in which a call may still get a better reason from the server. */
const afterEndMs = 5_000;
/** Milliseconds that an INVITE which asks to be answered waits for the server's word before it rings like any other. */
const wordMs = 3_000;
const wordEveryMs = 20;

/** Every call of this device, and what the server tells of this person's other ones. */
export class Calls extends Emitter<CallsEvents> {
  readonly #phone: Telephony;
  readonly #owner: CallOwner;
  readonly #calls = new Set<PhoneCall>();
  /** Calls that ended a moment ago. */
  readonly #ended = new Set<PhoneCall>();
  /** The server's calls in progress of this person, by id. */
  readonly #server = new Map<string, Call>();
  readonly #commands = new CommandLog();
  /** Calls of others that this person has joined as a supervisor, by id, with what the list of calls said. */
  readonly #supervised = new Map<string, { role: Participant["role"]; call: Call | undefined }>();
  /** Questions before a transfer that are being asked, and those that were. */
  #asking = 0;
  readonly #asked = new Set<string>();
  readonly #rescue: Rescue;
  #device: string | undefined;

  constructor(phone: Telephony) {
    super();
    this.#phone = phone;
    this.#rescue = new Rescue({ reachable: () => phone.reachable(), moveHere: (id) => this.command("moveCall", { call: id }), callOf: (id) => this.#server.get(id) });
    const owned = {
      microphone: phone.microphone,
      holdOthers: (call: PhoneCall) => this.holdOthers(call),
      command: ((name, params) => this.command(name, params)) as Request,
      hangUpRemotely: (id: string) => this.#hangUpRemotely(id),
      lost: (call: PhoneCall) => {
        this.#rescue.watch(call);
        this.emit("shaken");
      },
      shaken: (call: PhoneCall) => {
        this.#rescue.watch(call);
        this.emit("shaken");
      },
      supervises: (id: string) => this.#supervised.get(id)?.role,
      expectsLeg: (id: string) => {
        const { commanded, commandUnderWay } = this.#commands.knowledgeOf(id);
        return commanded && commandUnderWay;
      },
    };
    const [language, speaker, me, device] = [() => phone.language(), () => phone.speaker(), () => phone.people.me?.user, () => this.#device];
    this.#owner = { ...owned, get language() { return language(); }, get speaker() { return speaker(); }, get me() { return me(); }, get device() { return device(); } };
  }

  /** Calls of this device in progress, oldest first. */
  get here(): PhoneCall[] {
    return [...this.#calls];
  }

  /** Calls of this person's in progress at other devices of theirs: each may be moved here. */
  get elsewhere(): Call[] {
    const me = this.#phone.people.me?.user;
    return [...this.#server.values()].filter((call) => !this.#byId(call.id) && call.participants?.some(({ user, device, state }) => user === me && device !== undefined && device !== this.#device && state !== "ringing"));
  }

  /** Parked calls that this person knows of. */
  get parked(): Call[] {
    return [...this.#server.values()].filter((call) => call.state === "parked" && call.space !== undefined && !this.#byId(call.id));
  }

  /** Whether a call waits for the network to be there again. */
  get areWaiting(): boolean {
    return this.here.some((call) => call.unstable || call.waitsFor === "me");
  }

  /** @param line the one that calls go over, which may be another after a moment */
  dial(line: () => SipLine, target: string, peer: Peer): PhoneCall {
    const call = PhoneCall.dial(this.#owner, target, peer, {
      get isOpen() { return line().connected; },
      async opens() {
        // Another one may take its place meanwhile.
        for (let tried: SipLine | undefined; tried !== line();) if (await (tried = line()).comesBack()) return true;
        return false;
      },
      invite: (stream) => new CallLeg(line(), line().invite(target, stream)),
      isOf: (leg) => leg.line === line(),
    });
    this.holdOthers(call);
    this.#keep(call);
    return call;
  }

  /** Sends a command; an INVITE that it brings here is answered by itself. */
  async command<Name extends RequestName>(name: Name, params: ParamsInput<Name>): Promise<Result<Name>> {
    const asks = name === "consult";
    if (asks) this.#asking++;
    try {
      const answer = await this.#commands.during(name, params as Record<string, unknown>, () => this.#phone.request(name, params));
      if (asks) this.#asked.add((answer as Result<"consult">).consultation);
      return answer;
    } finally {
      if (asks) this.#asking--;
    }
  }

  /** Joins a call of others, or changes how. */
  async supervise(id: string, call: Call | undefined, mode: Supervision, user: string | undefined): Promise<void> {
    const before = this.#supervised.get(id);
    const role = ({ listen: "listening", whisper: "whispering", barge: "barged-in" } as const)[mode];
    this.#supervised.set(id, { role, call: call ?? before?.call });
    try {
      await this.command("supervise", { call: id, mode, user });
    } catch (error) {
      // The leg before this one may have ended for it.
      const joined = this.#byId(id);
      if (joined?.needsLeg) joined.hangup();
      if (before && !joined?.needsLeg) this.#supervised.set(id, before);
      else this.#supervised.delete(id);
      throw error;
    }
  }

  takeSnapshot(device: string, calls: Call[]): void {
    this.#device = device;
    this.#server.clear();
    // A call that became part of another is known before that other one, which its leg carries.
    for (const call of [...calls].sort((one, other) => Number(other.into !== undefined) - Number(one.into !== undefined))) this.onCall(call, true);
    this.#rescue.look();
    this.emit("elsewhere");
  }

  /** @param first whether this page is told of it for the first time since it lost sight of calls: then one without a leg here was an earlier page's */
  onCall(call: Call, first = false): void {
    if (call.state === "ended") this.#server.delete(call.id);
    else this.#server.set(call.id, call);
    const me = this.#phone.people.me?.user;
    if (me === undefined) return;
    const known = sessionFor(call, me, [...this.#calls, ...this.#ended]);
    if (known && call.state === "ended" && call.into !== undefined && known.state !== "ended") this.#merge(known, call.into);
    else if (known && !(known.state === "ended" && this.#needsLegHere(call, first))) known.learnFromServer(call);
    else if (this.#needsLegHere(call, first)) this.#rejoin(call);
    else if (call.state === "ended") this.emit("unheard", call);
    this.#rescue.look();
    this.emit("elsewhere");
  }

  /** The server asks this device to answer a call, because the person said so on another. */
  onAnswerCall(id: string): void {
    this.#commands.ask(id);
    this.#byId(id)?.answer();
  }

  /** The server asks this device to hold a call or to take it back: for a consultation, a swap, or a command from elsewhere. */
  onHoldCall(id: string, on: boolean): void {
    this.#byId(id)?.holdAsAsked(on);
  }

  /** The connections may be there again, or others: calls that lost their leg ask for a new one, and those that came to nobody are sent again. */
  look(): void {
    this.#rescue.look();
    for (const call of this.#calls) call.lookAtWay();
  }

  onInvite(line: SipLine, session: RTCSession, request: IncomingRequest): void {
    const id = callIdName.safeParse(request.getHeader("X-Houseline-Call")).data;
    const asks = id !== undefined && request.getHeader("X-Houseline-Answer")?.trim().toLowerCase() === "auto";
    const leg = new CallLeg(line, session);
    const displayed = { address: request.from.uri.user ?? "", name: request.from.display_name };
    if (!asks) return this.#ring(leg, displayed, id);
    this.#decide(leg, displayed, id, Date.now() + wordMs);
  }

  holdOthers(call: PhoneCall): void {
    for (const other of this.#calls) if (other !== call) other.hold(true);
  }

  hangUpAll(): void {
    for (const call of this.#calls) call.hangup();
    this.#server.clear();
  }

  #decide(leg: CallLeg, displayed: Displayed, id: string, until: number): void {
    if (leg.ended) return;
    const known = { me: this.#phone.people.me?.user, device: this.#device, call: this.#server.get(id), ...this.#commands.knowledgeOf(id) };
    const verdict = this.#rescue.gaveUp(id) && !known.commanded ? "refuse" : mayAnswer(known);
    if (verdict === "refuse") leg.terminate(603);
    else if (verdict === "yes") this.#answerLeg(leg, displayed, id);
    // The first word of the server about this call may be on its way: a moment is long only for a machine.
    else if (Date.now() < until && (verdict === "wait" || known.call === undefined)) setTimeout(() => this.#decide(leg, displayed, id, until), wordEveryMs);
    else this.#ring(leg, displayed, id);
  }

  #answerLeg(leg: CallLeg, displayed: Displayed, id: string): void {
    const known = this.#byId(id);
    if (known && (known.state !== "ringing" || known.needsLeg)) {
      if (!known.needsLeg) this.holdOthers(known);
      return known.adopt(leg);
    }
    const call = this.#receive(leg, displayed, id);
    // The call that somebody is asked about is put on hold by the server itself.
    if (this.#asking === 0 && !this.#asked.has(id) && ![...this.#server.values()].some(({ consultation }) => consultation === id)) this.holdOthers(call);
    this.#keep(call);
    call.answerLeg();
  }

  #ring(leg: CallLeg, displayed: Displayed, id: string | undefined): void {
    if (leg.ended) return;
    // A second leg of a call that rings or is here already, which nobody asked for.
    if (id !== undefined && this.#byId(id)) return leg.terminate(486);
    const call = this.#receive(leg, displayed, id);
    this.#keep(call);
    this.emit("incoming", call);
    if (id !== undefined && this.#commands.knowledgeOf(id).asked) call.answer();
  }

  #receive(leg: CallLeg, { address, name }: Displayed, id: string | undefined): PhoneCall {
    const { people } = this.#phone;
    const server = id === undefined ? undefined : this.#server.get(id) ?? this.#supervised.get(id)?.call;
    const side = server && people.me && sideOf(server, people.me.user);
    const person = people.find(address);
    const peer: Peer = side?.peer ?? server?.callee ?? person ?? { user: address, name: name || address || "Somebody", extension: "" };
    const call = PhoneCall.receive(this.#owner, leg, side?.direction ?? "incoming", person?.user ?? address, peer, id);
    if (server) call.learnFromServer(server);
    return call;
  }

  /** A call became part of another one: its leg carries that one now. */
  #merge(call: PhoneCall, into: string): void {
    call.becomes(into);
    const server = this.#server.get(into);
    if (server) call.learnFromServer(server);
  }

  /** A call of this device's for which this page has no leg: of the page before it, or cut off. */
  #rejoin(call: Call): void {
    const me = this.#phone.people.me?.user ?? "";
    if (this.#rescue.gaveUp(call.id)) return this.#hangUpRemotely(call.id);
    const side = sideOf(call, me) ?? { direction: "incoming" as const, peer: call.caller };
    const rejoined = PhoneCall.rejoin(this.#owner, call, side.direction, side.peer);
    if (this.#phone.muted.has(call.id)) rejoined.mute(true);
    this.#keep(rejoined);
    rejoined.learnFromServer(call);
  }

  /**
   * Whether a call in progress ought to have a leg here and has none. Between snapshots only the server's word that it looks for this device
   * counts: a call that is just told may be carried by the leg of another, which is about to become part of it.
   */
  #needsLegHere(call: Call, first: boolean): boolean {
    const me = this.#phone.people.me?.user;
    const mine = call.participants?.find(({ user, device }) => user === me && device !== undefined && device === this.#device);
    if (!mine || mine.state === "ringing" || (mine.state !== "rescuing" && !first)) return false;
    return call.state !== "ended" && call.state !== "ringing" && call.state !== "parked" && !this.#commands.knowledgeOf(call.id).commandUnderWay;
  }

  #byId(id: string): PhoneCall | undefined {
    return [...this.#calls].find(({ callId }) => callId === id);
  }

  #hangUpRemotely(id: string): void {
    this.#rescue.giveUp(id);
    this.#phone.request("hangup", { call: id }).catch(() => {});
  }

  #keep(call: PhoneCall): void {
    this.#calls.add(call);
    call.on("changed", () => {
      if (call.callId !== undefined) this.#phone.muted.set(call.callId, call.muted && call.state !== "ended");
      if (call.state === "ended") this.#finish(call);
      this.emit("call", call);
    });
    this.emit("call", call);
  }

  #finish(call: PhoneCall): void {
    const first = this.#calls.delete(call);
    if (first) {
      if (call.callId !== undefined) {
        this.#supervised.delete(call.callId);
        this.#asked.delete(call.callId);
      }
      const { ending, callId } = call;
      if (callId !== undefined && ending?.by === "me" && (ending.reason === "hung-up" || ending.reason === "cancelled")) this.#rescue.giveUp(callId);
      this.#ended.add(call);
      setTimeout(() => this.#ended.delete(call), afterEndMs);
    }
    this.emit("over", call, !first);
  }
}

/** Who calls, as the From header has it. */
interface Displayed {
  address: string;
  name: string;
}
