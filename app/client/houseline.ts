import type { Call, Person, SipAccount } from "../protocol/wire.ts";
import { address as addressName } from "../protocol/wire.ts";
import { AudioDevices } from "./audio-devices.ts";
import { Calls } from "./calls.ts";
import { Control } from "./control.ts";
import type { ControlEvent, Snapshot } from "./control.ts";
import type { ControlState, SessionLoss } from "./control-state.ts";
import { deviceName } from "./device-name.ts";
import { Devices } from "./devices.ts";
import type { Language } from "./end-sentence.ts";
import type { EndedCall } from "./ended-call.ts";
import { endedCall, unheardCall } from "./ended-call.ts";
import { Emitter } from "./emitter.ts";
import { History } from "./history.ts";
import { Messages } from "./messages.ts";
import { Microphone } from "./microphone.ts";
import { MuteMemory } from "./mute-memory.ts";
import { People } from "./people.ts";
import type { Request } from "./request.ts";
import type { PhoneCall } from "./phone-call.ts";
import { Registration } from "./registration.ts";
import type { MediaState } from "./registration.ts";
import { Rooms } from "./rooms.ts";
import type { SessionStore } from "./session-store.ts";
import { memoryStore, webStorage } from "./session-store.ts";
import { Sounds } from "./sounds.ts";
import { playFor, soundOfEnd } from "./sounds-of-calls.ts";
import { Supervisor } from "./supervisor.ts";

export interface HouselineOptions {
  /**
   * URL of the application server's control WebSocket; of several servers all, the one to begin with first. Others of the same stack are learnt
   * from the one that answers: giving them helps who signs in while the first is away.
   * @default `/ws` of the page's own origin
   */
  url?: string | readonly string[];
  /**
   * Gives a fresh token when somebody has to sign in: a JWT that the company's application signed, or an API token. It is
   * called by `connect()` when no session is left, and again when a session has expired.
   */
  token?: () => string | Promise<string>;
  /**
   * What this application is called in the list of a person's devices.
   * @default "Houseline"
   */
  application?: string;
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
  /**
   * Language of the sentences that say why a call ended.
   * @default "en"
   */
  language?: Language;
}

export interface HouselineEvents {
  /** The control connection changed. */
  state: [state: ControlState];
  /** The registration with the switch changed. */
  media: [state: MediaState];
  /** People, somebody's presence, or what is this person's own changed. */
  people: [];
  /** Somebody calls. */
  incoming: [call: PhoneCall];
  /** Anything about a call changed, also that it is new or over. */
  call: [call: PhoneCall];
  /** This person's calls at other devices, or parked, changed. */
  elsewhere: [];
  /** A call is over; told again when the server gives a better reason for it. */
  ended: [ended: EndedCall];
  /** The session is over though nobody signed out. */
  lost: [loss: SessionLoss];
}

/** Calls of this person's that never rang here, remembered so that each is told once. */
const mostRemembered = 200;

/**
 * A telephone in a page: the control connection, the registration with the switch and the calls, behind one object.
 *
 * ```ts
 * const phone = new Houseline({ url: "wss://phone.example.com/ws", token: () => fetch("/phone-token").then((answer) => answer.text()) });
 * phone.on("incoming", (call) => call.answer());
 * phone.connect();
 * phone.call("boris").on("ended", (ending) => console.log(ending.reason));
 * ```
 */
export class Houseline extends Emitter<HouselineEvents> {
  readonly microphone = new Microphone();
  readonly sounds = new Sounds();
  /** Which microphone, speaker and ring device are used. */
  readonly audio: AudioDevices;
  readonly directory: People;
  readonly messages: Messages;
  readonly history: History;
  readonly rooms: Rooms;
  readonly devices: Devices;
  readonly supervisor: Supervisor;
  readonly #control: Control;
  readonly #registration = new Registration();
  readonly #calls: Calls;
  readonly #audible: boolean;
  readonly #token: HouselineOptions["token"];
  readonly #language: Language;
  /** Ids of calls that were told as ended without having rung here, oldest first. */
  readonly #told = new Set<string>();
  readonly #onOnline = () => this.#nudge();
  readonly #onVisible = () => {
    if (document.visibilityState === "visible") this.#control.nudge();
  };
  #returning = false;

  constructor({ url = ownUrl(), token, application = "Houseline", store = tabStore(), sounds = true, language = "en" }: HouselineOptions = {}) {
    super();
    this.#audible = sounds;
    this.#token = token;
    this.#language = language;
    this.#control = new Control({ urls: typeof url === "string" ? [url] : url, store, client: deviceName(application, navigator.userAgent) });
    const request: Request = (name, params) => this.#control.request(name, params);
    this.directory = new People(request);
    this.messages = new Messages(request, () => this.me?.user);
    this.history = new History(request);
    this.rooms = new Rooms(request);
    this.devices = new Devices(request);
    this.audio = new AudioDevices(this.microphone, this.sounds, browserStorage());
    this.#calls = new Calls({
      microphone: this.microphone, people: this.directory, language: () => this.#language, speaker: () => this.audio.speaker, request, muted: new MuteMemory(tabStorage()),
      reachable: () => this.state === "online" && this.media === "registered",
    });
    this.supervisor = new Supervisor(request, (id, call, mode, user) => this.#calls.supervise(id, call, mode, user));
    this.#control.on("state", (state) => this.#onState(state));
    this.#control.on("snapshot", (snapshot) => this.#onSnapshot(snapshot));
    this.#control.on("event", (event) => this.#onEvent(event));
    this.#control.on("lost", (loss) => this.#onLost(loss));
    this.#registration.on("state", (state) => this.#onMedia(state));
    this.#registration.on("moved", () => this.#calls.look());
    this.#registration.on("invite", (...invite) => this.#calls.onInvite(...invite));
    this.#followCalls();
    this.directory.on("changed", () => this.emit("people"));
    this.audio.on("microphone", () => this.calls.forEach((call) => void call.changeMicrophone()));
    this.audio.on("speaker", () => this.calls.forEach((call) => call.changeSpeaker()));
    addEventListener("online", this.#onOnline);
    document.addEventListener("visibilitychange", this.#onVisible);
  }

  /** State of the control connection. */
  get state(): ControlState {
    return this.#control.state;
  }

  /** State of the registration with the switch. */
  get media(): MediaState {
    return this.#registration.state;
  }

  /** Which program is the switch, once it is known. */
  get switchKind(): SipAccount["kind"] | undefined {
    return this.#registration.account?.kind;
  }

  /** URL of the switch that new calls go over. */
  get switchUrl(): string | undefined {
    return this.#registration.line?.account.url;
  }

  /** URL of the application server that the session is at, or that is asked next. */
  get serverUrl(): string {
    return this.#control.server;
  }

  get me(): Person | undefined {
    return this.directory.me;
  }

  /** Everybody else: favourites first, each part by name. */
  get people(): Person[] {
    return this.directory.list;
  }

  /** Calls of this device in progress, oldest first. */
  get calls(): PhoneCall[] {
    return this.#calls.here;
  }

  /** This person's calls at other devices of theirs: `moveHere` takes one over. */
  get callsElsewhere(): Call[] {
    return this.#calls.elsewhere;
  }

  /** Parked calls that this person knows of. */
  get parkedCalls(): Call[] {
    return this.#calls.parked;
  }

  person(address: string): Person | undefined {
    return this.directory.find(address);
  }

  /** Takes up the session that an earlier page of this tab left, or signs in with `token`; false when somebody has to sign in. */
  connect(): boolean {
    const account = this.#control.storedAccount;
    if (this.#control.start()) {
      // The way to the switch opens at the same time: after a reload in a call its voice is back as much sooner.
      if (account && !this.#registration.line) this.#registration.use(account);
      return true;
    }
    if (!this.#token || this.state !== "signed-out") return this.state !== "signed-out";
    this.#signInWithToken().catch(() => {});
    return true;
  }

  /** Signs in; fails with a `ControlError` whose message is meant for the person. */
  async login(user: string, password: string): Promise<void> {
    await this.#control.login(user, password);
  }

  /** Signs in with a JWT of the company's application or an API token; without an argument, with one that the option `token` gives. */
  async loginWithToken(token?: string): Promise<void> {
    if (token === undefined) return this.#signInWithToken();
    await this.#control.loginWithToken(token);
  }

  /** Ends calls and session. */
  async logout(): Promise<void> {
    // First at the switch, which asks for the account's password again: with the session the account is gone, and calls would ring where nobody is.
    await this.#endEverything();
    await this.#control.logout();
    for (const part of [this.directory, this.messages, this.history, this.rooms, this.devices]) part.forget();
    this.#told.clear();
  }

  /** Calls a user name, an extension, a room (`room-blue`) or a service (`*97`); any other call goes on hold. */
  call(address: string): PhoneCall {
    const target = address.trim().toLowerCase();
    if (!addressName.safeParse(target).success) throw new Error(`"${address.slice(0, 40)}" is neither a user name nor an extension.`);
    const person = this.person(target);
    if (person && person.user === this.me?.user) throw new Error("That is your own number.");
    const line = this.#registration.line;
    if (!line || !(line.connected || line.isAwayShortly)) throw new Error("No switch can be reached at the moment. Try again shortly.");
    const room = this.rooms.find(target.replace(/^room-/, ""));
    const peer = person ?? { user: target, name: room?.title ?? target, extension: "" };
    return this.#calls.dial(() => this.#registration.line ?? line, person?.user ?? target, peer);
  }

  /** Calls somebody from another device of this person's: it answers by itself, then the other side rings. Resolves with the call's id. */
  async callFrom(device: string, to: string): Promise<string> {
    return (await this.#calls.command("call", { to, device })).call;
  }

  /** Calls again whom this person called last. */
  async redial(): Promise<string> {
    return (await this.#calls.command("redial", {})).call;
  }

  /** Takes a parked call by its space, or one that rings at a colleague's by its id. */
  async pickUp(which: { space: number } | { call: string }): Promise<string> {
    return (await this.#calls.command("pickUp", which)).call;
  }

  /** Takes a call of this person's over from another device, while its peer hears a moment of music. */
  async moveHere(call: string): Promise<void> {
    await this.#calls.command("moveCall", { call });
  }

  /** Answers a call that rings on another device of this person's. */
  async answerOn(device: string, call: string): Promise<void> {
    await this.#calls.command("answer", { call, device });
  }

  /** Leaves the page: ends its calls and connections. The session stays for the next page of this tab. */
  close(): void {
    if (this.state === "closed") return;
    removeEventListener("online", this.#onOnline);
    document.removeEventListener("visibilitychange", this.#onVisible);
    void this.#endEverything();
    this.#control.close();
    this.audio.close();
    this.sounds.close();
    this.removeListeners();
  }

  async #signInWithToken(): Promise<void> {
    if (!this.#token) throw new Error("Houseline was made without the option `token`.");
    await this.#control.loginWithToken(await this.#token());
  }

  #followCalls(): void {
    this.#calls.on("incoming", (call) => this.emit("incoming", call));
    this.#calls.on("elsewhere", () => this.emit("elsewhere"));
    this.#calls.on("shaken", () => this.#nudge());
    this.#calls.on("call", (call) => {
      this.#control.hurried = this.#calls.areWaiting;
      this.#control.inCall = this.calls.length > 0;
      if (this.#audible) playFor(this.calls, this.sounds);
      this.emit("call", call);
    });
    this.#calls.on("over", (call, again) => {
      if (this.#audible && !again && call.ending) soundOfEnd(call.ending, this.sounds);
      const ended = endedCall(call);
      if (ended) this.emit("ended", ended);
    });
    this.#calls.on("unheard", (call) => {
      const ended = this.me && unheardCall(call, this.me.user, this.#language);
      if (!ended || this.#told.has(call.id)) return;
      this.#told.add(call.id);
      for (const id of this.#told) {
        if (this.#told.size <= mostRemembered) break;
        this.#told.delete(id);
      }
      this.emit("ended", ended);
    });
  }

  #onState(state: ControlState): void {
    if (state === "reconnecting") this.#returning = true;
    this.emit("state", state);
  }

  #onMedia(state: MediaState): void {
    this.#calls.look();
    this.emit("media", state);
  }

  #onSnapshot({ session, me, profile, people, calls, sip }: Snapshot): void {
    this.devices.takeSnapshot(session);
    this.directory.takeSnapshot(me, people, profile);
    this.#registration.use(sip);
    // After a change of network the way to the switch may be gone too, and SIP would find out in a minute or two.
    if (this.#returning) this.#registration.check();
    this.#returning = false;
    this.#calls.takeSnapshot(session, calls);
    if (this.#audible) this.sounds.prepare();
    // What has pages of its own: a server of an older release, or one that is busy, may not have it.
    for (const part of [this.messages, this.rooms, this.devices]) part.refresh().catch(() => {});
  }

  #onEvent(event: ControlEvent): void {
    switch (event.name) {
      case "person": return this.directory.onPerson(event.data);
      case "personRemoved": return this.directory.onRemoved(event.data);
      case "profile": return this.directory.onProfile(event.data);
      case "call": return this.#calls.onCall(event.data.call);
      case "answerCall": return this.#calls.onAnswerCall(event.data.call);
      case "holdCall": return this.#calls.onHoldCall(event.data.call, event.data.on);
      case "room": return this.rooms.onRoom(event.data);
      case "message": return this.messages.onMessage(event.data);
      case "messageState": return this.messages.onMessageState(event.data);
      case "devices": return this.devices.onDevices(event.data);
      case "sip": return this.#registration.use(event.data.sip);
      case "line": return this.#registration.visit(event.data.sip);
    }
  }

  #onLost(loss: SessionLoss): void {
    // Calls in progress don't need the session: they go on, and so does their line.
    this.#registration.retire();
    this.emit("media", this.media);
    if (loss === "expired" && this.#token) this.#signInWithToken().catch(() => this.emit("lost", loss));
    else this.emit("lost", loss);
  }

  /** The network may have changed: sockets that don't know it are found out now. */
  #nudge(): void {
    this.#control.hurried = this.#calls.areWaiting;
    this.#returning = true;
    this.#control.nudge();
    this.#registration.check();
  }

  async #endEverything(): Promise<void> {
    this.#calls.hangUpAll();
    this.sounds.stop();
    await this.#registration.stop();
  }
}

function ownUrl(): string {
  return `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/ws`;
}

function tabStore(): SessionStore {
  const storage = tabStorage();
  return storage ? webStorage(storage) : memoryStore();
}

/** Ends with the tab. Reading the name alone may throw where a page may store nothing. */
function tabStorage(): Storage | undefined {
  try {
    return sessionStorage;
  } catch {
    return undefined;
  }
}

function browserStorage(): Storage | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}
