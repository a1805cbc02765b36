import type { RTCSession } from "jssip/lib/RTCSession.js";
import type { IncomingRequest } from "jssip/lib/SIPMessage.js";
import type { Call, Person, SipAccount } from "../protocol/wire.ts";
import { extension as extensionName, userName } from "../protocol/wire.ts";
import { sessionFor, sideOf } from "./call-match.ts";
import { Control } from "./control.ts";
import type { ControlEvent, ControlState, SessionLoss, Snapshot } from "./control.ts";
import { describeEnd } from "./end-reason.ts";
import type { Ending } from "./end-reason.ts";
import { Emitter } from "./emitter.ts";
import { Microphone } from "./microphone.ts";
import { PhoneCall } from "./phone-call.ts";
import type { CallOwner, Peer } from "./phone-call.ts";
import type { SessionStore } from "./session-store.ts";
import { memoryStore, webStorage } from "./session-store.ts";
import { SipLine } from "./sip-line.ts";
import type { LineState } from "./sip-line.ts";
import { Sounds } from "./sounds.ts";

export interface HouselineOptions {
  /**
   * URL of the application server's control WebSocket.
   * @default `/ws` of the page's own origin
   */
  url?: string;
  /**
   * Where the session is kept across reloads of the page.
   * @default `sessionStorage`, or memory where the page may not use it
   */
  store?: SessionStore;
  /**
   * Whether the telephone makes its own sounds: ring, ringback, busy.
   * @default true
   */
  sounds?: boolean;
}

/** `none`: the application server knows no switch at the moment. */
export type MediaState = LineState | "none";

/** A call that is over, for a list of recent calls; also one that never rang here. */
export interface EndedCall {
  key: string;
  peer: Peer;
  ending: Ending;
  /** Why it ended, in a sentence. */
  reason: string;
  missed: boolean;
  startedAt: number;
  /** Milliseconds from answer to end; 0 when it was not answered. */
  durationMs: number;
}

export interface HouselineEvents {
  /** The control connection changed. */
  state: [state: ControlState];
  /** The registration with the switch changed. */
  media: [state: MediaState];
  /** People, or somebody's presence, changed. */
  people: [];
  /** Somebody calls. */
  incoming: [call: PhoneCall];
  /** Anything about a call changed, also that it is new or over. */
  call: [call: PhoneCall];
  /** A call is over; told again when the server gives a better reason for it. */
  ended: [ended: EndedCall];
  /** The session is over though nobody signed out. */
  lost: [loss: SessionLoss];
}

/** Milliseconds after its end in which a call may still get a better reason from the server. */
const afterEndMs = 5_000;
/** Calls of this person's that never rang here, remembered so that each is told once. */
const mostRemembered = 200;

/**
 * A telephone in a page: the control connection, the registration with the switch and the calls, behind one object.
 *
 * ```ts
 * const phone = new Houseline();
 * if (!phone.connect()) await phone.login("anna", password);
 * phone.on("incoming", (call) => call.answer());
 * phone.call("boris").on("ended", (ending) => console.log(ending.reason));
 * ```
 */
export class Houseline extends Emitter<HouselineEvents> {
  readonly microphone = new Microphone();
  readonly sounds = new Sounds();
  readonly #control: Control;
  readonly #audible: boolean;
  readonly #people = new Map<string, Person>();
  readonly #calls = new Set<PhoneCall>();
  /** Calls that ended a moment ago. */
  readonly #ended = new Set<PhoneCall>();
  /** Ids of calls that were told as ended without having rung here, oldest first. */
  readonly #told = new Set<string>();
  readonly #retired = new Set<SipLine>();
  readonly #owner: CallOwner;
  readonly #onOnline = () => this.#nudge();
  readonly #onVisible = () => {
    if (document.visibilityState === "visible") this.#control.nudge();
  };
  #me: Person | undefined;
  #line: SipLine | undefined;
  #account: SipAccount | null = null;
  #doNotDisturb = false;
  #returning = false;

  constructor({ url = ownUrl(), store = tabStore(), sounds = true }: HouselineOptions = {}) {
    super();
    this.#audible = sounds;
    this.#control = new Control({ url, store });
    this.#control.on("state", (state) => this.#onState(state));
    this.#control.on("snapshot", (snapshot) => this.#onSnapshot(snapshot));
    this.#control.on("event", (event) => this.#onEvent(event));
    this.#control.on("lost", (loss) => this.#onLost(loss));
    this.#owner = {
      microphone: this.microphone,
      holdOthers: (call) => this.#holdOthers(call),
      hangUpRemotely: (id) => void this.#control.request("hangup", { call: id }).catch(() => {}),
    };
    addEventListener("online", this.#onOnline);
    document.addEventListener("visibilitychange", this.#onVisible);
  }

  /** State of the control connection. */
  get state(): ControlState {
    return this.#control.state;
  }

  /** State of the registration with the switch. */
  get media(): MediaState {
    return this.#line?.state ?? "none";
  }

  /** Which program is the switch, once it is known. */
  get switchKind(): SipAccount["kind"] | undefined {
    return this.#account?.kind;
  }

  get me(): Person | undefined {
    return this.#me;
  }

  get doNotDisturb(): boolean {
    return this.#doNotDisturb;
  }

  /** Everybody else, by name. */
  get people(): Person[] {
    return [...this.#people.values()].filter(({ user }) => user !== this.#me?.user).sort((one, other) => one.name.localeCompare(other.name));
  }

  /** Calls in progress, oldest first. */
  get calls(): PhoneCall[] {
    return [...this.#calls];
  }

  person(address: string): Person | undefined {
    return this.#people.get(address) ?? [...this.#people.values()].find(({ extension }) => extension === address);
  }

  /** Takes up the session that an earlier page of this tab left; false when somebody has to sign in. */
  connect(): boolean {
    return this.#control.start();
  }

  /** Signs in; fails with a `ControlError` whose message is meant for the person. */
  async login(user: string, password: string): Promise<void> {
    await this.#control.login(user, password);
  }

  /** Ends calls and session. */
  async logout(): Promise<void> {
    this.#endEverything();
    await this.#control.logout();
    this.#forgetPeople();
  }

  /** Calls a user name or an extension; any other call goes on hold. */
  call(address: string): PhoneCall {
    const target = address.trim().toLowerCase();
    if (!userName.safeParse(target).success && !extensionName.safeParse(target).success) throw new Error(`"${address.slice(0, 40)}" is neither a user name nor an extension.`);
    const person = this.person(target);
    if (person && person.user === this.#me?.user) throw new Error("That is your own number.");
    if (!this.#line?.connected) throw new Error("No switch can be reached at the moment. Try again shortly.");
    const peer: Peer = person ?? { user: target, name: target, extension: "" };
    const call = PhoneCall.dial(this.#owner, this.#line, person?.user ?? target, peer);
    this.#holdOthers(call);
    this.#keep(call);
    return call;
  }

  async setDoNotDisturb(on: boolean): Promise<void> {
    const { me } = await this.#control.request("setDoNotDisturb", { on });
    this.#doNotDisturb = on;
    this.#putPerson(me);
    this.emit("people");
  }

  /** Leaves the page: ends its calls and connections. The session stays for the next page of this tab. */
  close(): void {
    if (this.state === "closed") return;
    removeEventListener("online", this.#onOnline);
    document.removeEventListener("visibilitychange", this.#onVisible);
    this.#endEverything();
    this.#control.close();
    this.sounds.close();
    this.removeListeners();
  }

  #onState(state: ControlState): void {
    if (state === "reconnecting") this.#returning = true;
    this.emit("state", state);
  }

  #onSnapshot({ me, people, calls, sip }: Snapshot): void {
    this.#people.clear();
    for (const person of people) this.#people.set(person.user, person);
    this.#putPerson(me);
    this.#useSwitch(sip);
    // After a change of network the way to the switch may be gone too, and SIP would find out in a minute or two.
    if (this.#returning) this.#line?.check();
    this.#returning = false;
    for (const call of calls) this.#onCall(call);
    if (this.#audible) this.sounds.prepare();
    this.emit("people");
  }

  #onEvent(event: ControlEvent): void {
    if (event.name === "person") {
      this.#putPerson(event.data.person);
      this.emit("people");
    } else if (event.name === "call") this.#onCall(event.data.call);
    else if (event.name === "sip") this.#useSwitch(event.data.sip);
  }

  #onLost(loss: SessionLoss): void {
    this.#account = null;
    this.#retireLine();
    // Calls in progress don't need the session: they go on, and so does their line.
    this.emit("lost", loss);
  }

  #putPerson(person: Person): void {
    this.#people.set(person.user, person);
    if (person.user !== this.#me?.user && this.#me) return;
    this.#me = person;
    if (person.presence === "do-not-disturb") this.#doNotDisturb = true;
    else if (person.presence === "available") this.#doNotDisturb = false;
  }

  /** Registers where the server says. The old registration stays for the calls on it, and new ones go over the new. */
  #useSwitch(account: SipAccount | null): void {
    if (account && this.#line && this.#line.state !== "stopped" && isSame(account, this.#account)) return;
    this.#account = account;
    this.#retireLine();
    if (account) {
      const line = new SipLine(account);
      this.#line = line;
      line.on("state", (state) => {
        if (line === this.#line) this.emit("media", state);
      });
      line.on("incoming", (session, request) => this.#onInvite(line, session, request));
      line.start();
    }
    this.emit("media", this.media);
  }

  #retireLine(): void {
    const line = this.#line;
    this.#line = undefined;
    for (const retired of this.#retired) if (retired.state === "stopped") this.#retired.delete(retired);
    if (!line) return;
    this.#retired.add(line);
    line.retire();
  }

  #onInvite(line: SipLine, session: RTCSession, request: IncomingRequest): void {
    const address = request.from.uri.user ?? "";
    const displayed = request.from.display_name;
    const person = this.person(address);
    const peer: Peer = person ?? { user: address, name: displayed || address || "Somebody", extension: "" };
    const call = PhoneCall.receive(this.#owner, line, session, person?.user ?? address, peer);
    this.#keep(call);
    this.emit("incoming", call);
  }

  #keep(call: PhoneCall): void {
    this.#calls.add(call);
    call.on("changed", () => {
      if (call.state === "ended") this.#finish(call);
      this.#sound();
      this.emit("call", call);
    });
    this.#sound();
    this.emit("call", call);
  }

  /** Told once when a call ends and again when its reason becomes better known. */
  #finish(call: PhoneCall): void {
    if (this.#calls.delete(call)) {
      this.#ended.add(call);
      setTimeout(() => this.#ended.delete(call), afterEndMs);
      if (this.#audible && call.ending) this.#soundOfEnd(call.ending);
    }
    const ended = endedCall(call);
    if (ended) this.emit("ended", ended);
  }

  #onCall(call: Call): void {
    const me = this.#me?.user;
    const side = me === undefined ? undefined : sideOf(call, me);
    if (me === undefined || !side) return;
    const known = sessionFor(call, me, [...this.#calls, ...this.#ended]);
    if (known) return known.learnFromServer(call);
    if (call.state === "ended" && call.reason && call.answeredAt === undefined && side.direction === "incoming") this.#tellUnheard(call, side.peer);
  }

  /** A call that never rang here: while offline, not to be disturbed or disconnected. */
  #tellUnheard(call: Call, peer: Peer): void {
    if (this.#told.has(call.id) || !call.reason) return;
    this.#told.add(call.id);
    for (const id of this.#told) {
      if (this.#told.size <= mostRemembered) break;
      this.#told.delete(id);
    }
    const ending: Ending = { reason: call.reason, by: "system", direction: "incoming", name: peer.name, answered: false };
    const missed = call.reason !== "declined";
    this.emit("ended", { key: call.id, peer, ending, reason: describeEnd(ending), missed, startedAt: call.startedAt, durationMs: 0 });
  }

  #holdOthers(call: PhoneCall): void {
    for (const other of this.#calls) if (other !== call) other.hold(true);
  }

  /** The one tone that fits all calls together. */
  #sound(): void {
    if (!this.#audible) return;
    const calls = this.calls;
    const talking = calls.some(({ state }) => state === "answered" || state === "held");
    if (calls.some((call) => call.direction === "incoming" && call.state === "ringing" && !call.answering)) this.sounds.play(talking ? "waiting" : "ring");
    else if (calls.some((call) => call.direction === "outgoing" && call.state === "ringing" && !call.earlyMedia)) this.sounds.play("ringback");
    else this.sounds.stop();
  }

  #soundOfEnd({ direction, answered, by, reason }: Ending): void {
    if (by === "me" && reason !== "no-microphone") return;
    if (answered) this.sounds.play("over");
    else if (direction === "outgoing") this.sounds.play("busy");
  }

  #nudge(): void {
    this.#returning = true;
    this.#control.nudge();
    this.#line?.check();
  }

  #endEverything(): void {
    for (const call of this.#calls) call.hangup();
    this.#line?.stop();
    for (const line of this.#retired) line.stop();
    this.#retired.clear();
    this.#line = undefined;
    this.#account = null;
    this.sounds.stop();
  }

  #forgetPeople(): void {
    this.#people.clear();
    this.#me = undefined;
    this.#doNotDisturb = false;
    this.#told.clear();
    this.emit("people");
  }
}

function endedCall(call: PhoneCall): EndedCall | undefined {
  const { ending, reason, endedAt } = call;
  if (!ending || !reason) return undefined;
  const durationMs = call.answeredAt !== undefined && endedAt !== undefined ? endedAt - call.answeredAt : 0;
  return { key: call.key, peer: call.peer, ending, reason, missed: call.missed, startedAt: call.startedAt, durationMs };
}

function isSame(one: SipAccount, other: SipAccount | null): boolean {
  return one.url === other?.url && one.domain === other.domain && one.user === other.user && one.password === other.password;
}

function ownUrl(): string {
  return `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/ws`;
}

function tabStore(): SessionStore {
  try {
    return webStorage(sessionStorage);
  } catch {
    return memoryStore();
  }
}
