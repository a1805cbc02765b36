import { closeCodes, events } from "../protocol/wire.ts";
import type { EventData, EventName, ParamsInput, RequestName, Result } from "../protocol/wire.ts";
import { controlBackOff, hurriedBackOff, waitBefore } from "./back-off.ts";
import type { BackOff } from "./back-off.ts";
import { ControlError } from "./control-error.ts";
import type { ControlState, SessionLoss } from "./control-state.ts";
import { ControlSocket, socketDefaults } from "./control-socket.ts";
import type { EventFrame, Pace, SocketEnd, SocketOptions } from "./control-socket.ts";
import { Emitter } from "./emitter.ts";
import { ServerList } from "./server-list.ts";
import type { SessionStore } from "./session-store.ts";
import type { SipAccount } from "../protocol/wire.ts";

/** Milliseconds for an answer of the network while somebody waits for it in the middle of a call. */
const hurriedMs = 3_000;
/** Milliseconds more for each attempt to come back: where there is another server, one that doesn't answer is soon left, but a slow network is none that is gone. */
const patienceMs = 1_000;
/** Where there is another server to go to, one that is gone without a word is missed sooner; soonest by who is in a call, and few are at any time. */
const severalPaces: Record<"idle" | "inCall", Pace> = { idle: { heartbeatMs: 10_000, answerMs: 5_000 }, inCall: { heartbeatMs: 3_000, answerMs: 3_000 } };

export interface ControlOptions extends Partial<SocketOptions> {
  /** `ws:` or `wss:` URLs of the application servers' `/ws`, the one to begin with first; what the stack says of others is added. */
  urls: readonly string[];
  store: SessionStore;
  /** @default controlBackOff */
  backOff?: BackOff;
  /** How soon a silent server is asked, where there is another. @default after 10 s, in a call after 3 s */
  paces?: typeof severalPaces;
}

export type Snapshot = Result<"resume">;

export type ControlEvent = { [Name in EventName]: { name: Name; data: EventData<Name> } }[EventName];

export interface ControlEvents {
  state: [state: ControlState];
  /** The whole of what the server knows, after signing in and after every return. */
  snapshot: [snapshot: Snapshot];
  event: [event: ControlEvent];
  lost: [loss: SessionLoss];
}

/**
 * A session with the application server that survives its sockets. A reload, another network, a draining server and
 * a crashed one are the same path: a new socket, the resume token, the number of the last event seen.
 */
export class Control extends Emitter<ControlEvents> {
  readonly #options: SocketOptions;
  readonly #servers: ServerList;
  readonly #store: SessionStore;
  readonly #backOff: BackOff;
  readonly #paces: typeof severalPaces;
  #state: ControlState = "signed-out";
  #socket: ControlSocket | undefined;
  #token: string | undefined;
  #lastSeq = 0;
  #sip: SipAccount | undefined;
  /** Events that the server no longer has are covered by the snapshot: the first number after one may skip. */
  #justResumed = false;
  /** Whether this page has everybody as the session was told: not a page that took it up from the one before. */
  #knowsPeople = false;
  /** Whether somebody waits for the connection in the middle of a call: then attempts are short and follow each other closely. */
  hurried = false;
  #inCall = false;
  #attempt = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #goodbye: ReturnType<typeof setTimeout> | undefined;
  /** Counts what was begun, so that the answer to something older is recognised and dropped. */
  #era = 0;

  constructor({ urls, store, backOff = controlBackOff, paces = severalPaces, ...options }: ControlOptions) {
    super();
    this.#servers = new ServerList(urls);
    this.#store = store;
    this.#backOff = backOff;
    this.#paces = paces;
    this.#options = { ...socketDefaults, ...options };
  }

  get state(): ControlState {
    return this.#state;
  }

  /** Whether this device is in a call, whose commands shall not wait for a server that is gone. */
  set inCall(inCall: boolean) {
    if (inCall === this.#inCall) return;
    this.#inCall = inCall;
    this.#setPace();
  }

  /** URL of the application server that the session is at, or that is asked next. */
  get server(): string {
    return this.#servers.current;
  }

  /** The switch that the session of an earlier page of this tab was registered with: the next page need not wait to be told. */
  get storedAccount(): SipAccount | undefined {
    return this.#store.load()?.sip;
  }

  /** Takes up the session that an earlier page of this tab left; false when there is none. */
  start(): boolean {
    if (this.#state !== "signed-out") return this.#token !== undefined;
    const stored = this.#store.load();
    if (!stored) return false;
    this.#token = stored.token;
    this.#lastSeq = stored.lastSeq;
    this.#sip = stored.sip;
    this.#servers.takeUp(stored.servers ?? []);
    this.#to("connecting");
    void this.#resume();
    return true;
  }

  login(user: string, password: string): Promise<Snapshot> {
    return this.#signIn((socket) => socket.request("login", { user, password }));
  }

  /** Signs in with a JWT of the company's application, or an API token. */
  loginWithToken(token: string): Promise<Snapshot> {
    return this.#signIn((socket) => socket.request("loginWithToken", { token }));
  }

  /** Ends the session here and, when the server can be reached, there. */
  async logout(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#forget();
    this.#to("signed-out");
    try {
      await socket?.request("logout", {});
    } catch {
      // The session ends by itself when the server hears nothing more of it.
    }
    socket?.close();
  }

  request<Name extends RequestName>(name: Name, params: ParamsInput<Name>): Promise<Result<Name>> {
    if (!this.#socket || this.#state !== "online") return Promise.reject(new ControlError("unavailable", "There is no connection to the telephone server at the moment."));
    return this.#socket.request(name, params);
  }

  /** Something about the network changed: look at once instead of at the next heartbeat or attempt. */
  nudge(): void {
    if (this.#state === "online") this.#socket?.probe(this.hurried ? hurriedMs : undefined);
    else if (this.#retry !== undefined) {
      clearTimeout(this.#retry);
      this.#attempt = 0;
      void this.#resume();
    }
  }

  /** Closes the socket; the session stays for the next page of this tab. */
  close(): void {
    if (this.#state === "closed") return;
    this.#era++;
    this.#stopTimers();
    this.#to("closed");
    this.#socket?.close();
    this.#socket = undefined;
    this.removeListeners();
  }

  async #signIn(ask: (socket: ControlSocket) => Promise<Snapshot>): Promise<Snapshot> {
    if (this.#state === "closed") throw new ControlError("unavailable", "This telephone was closed: reload the page.");
    this.#forget();
    const era = ++this.#era;
    this.#to("connecting");
    let socket: ControlSocket | undefined;
    try {
      socket = await this.#openAny(era);
      const snapshot = await ask(socket);
      if (era !== this.#era) throw new ControlError("unavailable", "Signing in was interrupted.");
      this.#adopt(socket, snapshot);
      return snapshot;
    } catch (error) {
      socket?.close();
      if (era === this.#era) this.#to("signed-out");
      throw error;
    }
  }

  async #resume(): Promise<void> {
    const token = this.#token;
    if (token === undefined) return;
    const era = ++this.#era;
    this.#stopTimers();
    let socket: ControlSocket | undefined;
    try {
      socket = await this.#open(era);
      this.#justResumed = true;
      const snapshot = await socket.request("resume", { resumeToken: token, lastSeq: this.#lastSeq, knowsPeople: this.#knowsPeople });
      if (era === this.#era) this.#adopt(socket, snapshot);
      else socket.close();
    } catch (error) {
      if (era !== this.#era) return socket?.close();
      // The era moves on first: what this socket still says is about an attempt that is over.
      this.#era++;
      socket?.close();
      const code = error instanceof ControlError ? error.code : "internal";
      if (code === "not-found" || code === "unauthorized") this.#lose("expired");
      else if (code === "version") this.#lose("version");
      else this.#comeBackElsewhere(waitBefore(this.#attempt++, this.hurried ? hurriedBackOff : this.#backOff));
    }
  }

  /** At whichever server answers first when they are asked one after the other. */
  async #openAny(era: number): Promise<ControlSocket> {
    for (let left = this.#servers.count - 1; ; left--) {
      try {
        return await this.#open(era);
      } catch (error) {
        if (left === 0 || era !== this.#era) throw error;
        this.#servers.next();
      }
    }
  }

  async #open(era: number): Promise<ControlSocket> {
    const socket = await ControlSocket.open(this.#servers.current, { ...this.#options, openTimeoutMs: this.#openTimeoutMs });
    if (era !== this.#era) {
      socket.close();
      throw new ControlError("unavailable", "The attempt was given up for a newer one.");
    }
    socket.on("event", (frame) => {
      if (era === this.#era) this.#take(socket, frame);
    });
    socket.on("closed", (end) => {
      if (era === this.#era) this.#onClosed(end);
    });
    return socket;
  }

  get #openTimeoutMs(): number {
    const { openTimeoutMs } = this.#options;
    if (this.hurried) return hurriedMs;
    return this.#servers.areSeveral ? Math.min(openTimeoutMs, hurriedMs + patienceMs * this.#attempt) : openTimeoutMs;
  }

  #setPace(): void {
    if (this.#socket && this.#servers.areSeveral) this.#socket.pace = this.#paces[this.#inCall ? "inCall" : "idle"];
  }

  #adopt(socket: ControlSocket, snapshot: Snapshot): void {
    this.#socket = socket;
    this.#servers.learn(snapshot.servers ?? []);
    this.#setPace();
    this.#token = snapshot.resumeToken;
    this.#sip = snapshot.sip ?? undefined;
    this.#attempt = 0;
    this.#knowsPeople = true;
    this.#save();
    this.#to("online");
    this.emit("snapshot", snapshot);
  }

  #take(socket: ControlSocket, frame: EventFrame): void {
    if (frame.seq <= this.#lastSeq) return;
    if (frame.seq > this.#lastSeq + 1 && !this.#justResumed) return socket.abandon("an event is missing");
    this.#justResumed = false;
    this.#lastSeq = frame.seq;
    this.#save();
    // A newer server may send events that this page doesn't know.
    if (!Object.hasOwn(events, frame.name)) return;
    const data = events[frame.name as EventName].safeParse(frame.data);
    if (!data.success) return;
    const event = { name: frame.name, data: data.data } as ControlEvent;
    if (event.name === "sip") {
      this.#sip = event.data.sip ?? undefined;
      this.#save();
    }
    if (event.name === "goodbye") this.#expectClose(socket, event.data.delayMs);
    this.emit("event", event);
  }

  /** The server closes the socket itself; one that does not is left a little later. */
  #expectClose(socket: ControlSocket, delayMs: number): void {
    clearTimeout(this.#goodbye);
    this.#goodbye = setTimeout(() => socket.abandon("the server is going"), Math.min(delayMs, 10_000) + 1_000);
  }

  #onClosed(end: SocketEnd): void {
    // Before a session was adopted the request under way rejects, and whoever asked decides.
    if (!this.#socket) return;
    this.#socket = undefined;
    if (end.code === closeCodes.unauthorized) this.#lose("expired");
    else if (end.code === closeCodes.replaced) this.#lose("replaced");
    else if (end.silent) this.#comeBackElsewhere(waitBefore(this.#attempt++, this.#backOff));
    // One that closed its sockets has most likely a successor at the same place.
    else this.#comeBack(end.code === closeCodes.goingAway ? Math.round(150 * Math.random()) : waitBefore(this.#attempt++, this.#backOff));
  }

  /** To another server, where there is one: this one doesn't answer, or takes nobody. */
  #comeBackElsewhere(waitMs: number): void {
    this.#servers.next();
    this.#comeBack(waitMs);
  }

  #comeBack(waitMs: number): void {
    this.#stopTimers();
    if (this.#state !== "connecting") this.#to("reconnecting");
    this.#retry = setTimeout(() => void this.#resume(), waitMs);
  }

  #lose(loss: SessionLoss): void {
    // A newer page of the same session keeps the token: it isn't this page's any more.
    if (loss === "expired") this.#store.clear();
    this.#token = undefined;
    this.#stopTimers();
    this.#to("signed-out");
    this.emit("lost", loss);
  }

  #forget(): void {
    this.#era++;
    this.#stopTimers();
    this.#socket?.close();
    this.#socket = undefined;
    this.#token = undefined;
    this.#lastSeq = 0;
    this.#knowsPeople = false;
    this.#attempt = 0;
    this.#store.clear();
  }

  #save(): void {
    if (this.#token !== undefined) this.#store.save({ token: this.#token, lastSeq: this.#lastSeq, ...(this.#sip ? { sip: this.#sip } : {}), ...(this.#servers.areSeveral ? { servers: this.#servers.all } : {}) });
  }

  #stopTimers(): void {
    clearTimeout(this.#retry);
    clearTimeout(this.#goodbye);
    this.#retry = undefined;
  }

  #to(state: ControlState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.emit("state", state);
  }
}
