import { UA, WebSocketInterface } from "jssip";
import type { RTCSession } from "jssip/lib/RTCSession.js";
import type { IncomingRequest } from "jssip/lib/SIPMessage.js";
import type { RTCSessionEvent } from "jssip/lib/UA.js";
import type { SipAccount, TurnServer } from "../protocol/wire.ts";
import { lineBackOff, registrationBackOff, waitBefore } from "./back-off.ts";
import { Emitter } from "./emitter.ts";

export type LineState = "connecting" | "registered" | "disconnected" | "refused" | "stopped";

export interface SipLineEvents {
  state: [state: LineState];
  incoming: [session: RTCSession, request: IncomingRequest];
}

export const lineDefaults = {
  /** Seconds that a registration lasts without being refreshed. */
  registerExpires: 120,
  /** Calls on one line at once; more are answered "busy here". */
  mostSessions: 6,
  /** Seconds a call may ring here; shorter is up to the switch. */
  longestRing: 180,
  /** Milliseconds for a switch to answer when the line is tried after a change of network. */
  probeMs: 4_000,
  /** Milliseconds for a switch to forget a line that stops. */
  goodbyeMs: 1_000,
  /** Milliseconds for a socket to open: one that was begun without a network would wait ever longer for its answer. */
  openMs: 3_000,
  /** Milliseconds without a connection in which a call that begins waits for the next one: an edge was replaced, a network was changed. */
  awayMs: 5_000,
  /** Most milliseconds before the first attempt to come back: a crowd that lost a switch is spread a little, and nobody waits. */
  firstAttemptMs: 150,
};

/** Seconds between JsSIP's own attempts to come back, which begin only after a second or two: this line's come before. */
const recoverySeconds = 3_600;

/**
 * A registration with one slot of one switch: one JsSIP user agent. When the person moves to another switch the line is
 * retired: it goes on for its calls and stops with the last of them.
 */
export class SipLine extends Emitter<SipLineEvents> {
  readonly account: SipAccount;
  readonly #ua: UA;
  readonly #socket: WebSocketInterface;
  readonly #sessions = new Set<RTCSession>();
  /** Those whose INVITE has come to the switch: it said so. */
  readonly #arrived = new WeakSet<RTCSession>();
  #state: LineState = "connecting";
  #turn: TurnServer | undefined;
  #retired = false;
  #attempt = 0;
  #reconnects = 0;
  #awaySince = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #reconnect: ReturnType<typeof setTimeout> | undefined;
  #probe: ReturnType<typeof setTimeout> | undefined;

  constructor(account: SipAccount) {
    super();
    this.account = account;
    this.#turn = account.turn;
    this.#socket = new WebSocketInterface(account.url);
    // The edge ends TLS: the switch hears plain ws, and with "WSS" in Via its answer to REGISTER would never arrive.
    this.#socket.via_transport = "ws";
    this.#ua = new UA({
      sockets: [this.#socket],
      // The address of record is the person's, whichever session's account authenticates (`anna~k3f9` is anna's).
      uri: `sip:${account.user.split("~")[0]}@${account.domain}`,
      authorization_user: account.user,
      password: account.password,
      register: true,
      register_expires: lineDefaults.registerExpires,
      session_timers: false,
      no_answer_timeout: lineDefaults.longestRing,
      connection_recovery_min_interval: recoverySeconds,
      connection_recovery_max_interval: recoverySeconds,
      user_agent: "Houseline",
    });
    this.#listen();
  }

  get state(): LineState {
    return this.#state;
  }

  /** Whether a request sent now reaches the switch. */
  get connected(): boolean {
    return this.#ua.isConnected();
  }

  /** Resolves with whether a request can be sent: at once, or when the connection that was lost a moment ago is there again. */
  async comesBack(): Promise<boolean> {
    const until = this.#awaySince + lineDefaults.awayMs;
    while (!this.connected && this.isAwayShortly) await new Promise((resolve) => setTimeout(resolve, Math.min(50, until - Date.now())));
    return this.connected;
  }

  /** Whether the connection was begun, or lost, so little ago that it is waited for. */
  get isAwayShortly(): boolean {
    return this.#state !== "stopped" && !this.connected && Date.now() < this.#awaySince + lineDefaults.awayMs;
  }

  /** Whether the switch may know of a call that was begun here. */
  hasArrived(session: RTCSession): boolean {
    return this.#arrived.has(session);
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  start(): void {
    this.#awaySince = Date.now();
    this.#ua.start();
  }

  /** Where a leg that begins now may have its media relayed; the switch itself is reached without. */
  get iceServers(): RTCIceServer[] {
    if (!this.#turn) return [];
    const { urls, username, credential } = this.#turn;
    return [{ urls, username, credential }];
  }

  /** For legs from now on: a credential ends some time, and the registration goes on. */
  renewTurn(turn: TurnServer | undefined): void {
    this.#turn = turn;
  }

  /** Sends an INVITE to a user name or an extension. */
  invite(target: string, mediaStream: MediaStream): RTCSession {
    const session = this.#ua.call(`sip:${target}@${this.account.domain}`, { mediaStream, pcConfig: { iceServers: this.iceServers } });
    this.#keep(session);
    return session;
  }

  /** No new calls from here; stops when its last call has ended. */
  retire(): void {
    this.#retired = true;
    this.#stopWhenIdle();
  }

  /** Registers again now, and makes a new connection when the switch does not answer in time. */
  check(): void {
    if (this.#state === "stopped" || this.#probe !== undefined) return;
    if (!this.#ua.isConnected()) return this.#reconnectIn(0);
    const giveUp = () => {
      this.#probe = undefined;
      if (this.#state === "stopped" || !this.#ua.isConnected()) return;
      // JsSIP's transport takes this for a socket that the other side closed, and connects again; its calls stay.
      this.#socket.disconnect();
      this.#socket.ondisconnect(true, 1006, "the switch did not answer");
    };
    this.#probe = setTimeout(giveUp, lineDefaults.probeMs);
    this.#ua.register();
  }

  /** Ends every call of this line and stops; resolves when the switch has forgotten it, or does not say so in time. */
  stop(): Promise<void> {
    if (this.#state === "stopped") return Promise.resolve();
    clearTimeout(this.#retry);
    clearTimeout(this.#reconnect);
    this.#settleProbe();
    const forgotten = this.#state === "registered" ? new Promise<void>((resolve) => {
      for (const event of ["unregistered", "disconnected"] as const) this.#ua.on(event, () => resolve());
      setTimeout(resolve, lineDefaults.goodbyeMs);
    }) : Promise.resolve();
    this.#to("stopped");
    this.#ua.stop();
    this.removeListeners();
    return forgotten;
  }

  #listen(): void {
    const ua = this.#ua;
    ua.on("connecting", () => this.#to("connecting"));
    ua.on("connected", () => {
      clearTimeout(this.#reconnect);
      // JsSIP tells of the first registration only, not of refreshes: any word from the switch shows that it is there.
      const read = this.#socket.ondata;
      this.#socket.ondata = (data) => {
        this.#settleProbe();
        this.#noteArrival(data);
        read(data);
      };
    });
    ua.on("disconnected", () => {
      if (this.#state !== "disconnected") this.#awaySince = Date.now();
      this.#settleProbe();
      this.#to("disconnected");
      this.#reconnectIn(this.#reconnects === 0 ? Math.random() * lineDefaults.firstAttemptMs : waitBefore(this.#reconnects, lineBackOff));
    });
    ua.on("registered", () => {
      this.#attempt = 0;
      this.#reconnects = 0;
      this.#to("registered");
    });
    ua.on("registrationFailed", () => this.#registerLater());
    ua.on("newRTCSession", ({ originator, session, request }: RTCSessionEvent) => {
      if (String(originator) !== "remote") return;
      if (this.#sessions.size >= lineDefaults.mostSessions) return session.terminate({ status_code: 486 });
      this.#keep(session);
      this.emit("incoming", session, request as IncomingRequest);
    });
  }

  /** JsSIP tells of "ringing" and later; "100 Trying" is the first word. (RFC 3261, section 8.2.6.1) */
  #noteArrival(data: unknown): void {
    if (typeof data !== "string" || !data.startsWith("SIP/2.0 1")) return;
    const callId = /^(?:Call-ID|i):[ \t]*(\S+)/im.exec(data)?.[1];
    // JsSIP's id of a session is its Call-ID with the tag of From.
    for (const session of this.#sessions) if (callId !== undefined && session.id.startsWith(callId)) this.#arrived.add(session);
  }

  /** JsSIP's transport takes a socket that was opened from here as its own. */
  #reconnectIn(waitMs: number): void {
    clearTimeout(this.#reconnect);
    if (this.#state === "stopped") return;
    this.#reconnect = setTimeout(() => {
      if (this.#state === "stopped" || this.#ua.isConnected()) return;
      this.#reconnects++;
      this.#socket.disconnect();
      this.#socket.connect();
      this.#reconnectIn(lineDefaults.openMs + waitBefore(this.#reconnects, lineBackOff));
    }, waitMs);
  }

  /** JsSIP leaves it at one refusal, also of a refresh. */
  #registerLater(): void {
    this.#settleProbe();
    if (this.#state === "stopped" || !this.#ua.isConnected()) return;
    this.#to("refused");
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      if (this.#ua.isConnected()) this.#ua.register();
    }, waitBefore(this.#attempt++, registrationBackOff));
  }

  #keep(session: RTCSession): void {
    this.#sessions.add(session);
    const forget = () => {
      this.#sessions.delete(session);
      // JsSIP still has to send the answer to BYE or CANCEL.
      setTimeout(() => this.#stopWhenIdle(), 100);
    };
    session.on("ended", forget);
    session.on("failed", forget);
  }

  #stopWhenIdle(): void {
    if (this.#retired && this.#sessions.size === 0) void this.stop();
  }

  #settleProbe(): void {
    clearTimeout(this.#probe);
    this.#probe = undefined;
  }

  #to(state: LineState): void {
    if (this.#state === "stopped" || state === this.#state) return;
    this.#state = state;
    this.emit("state", state);
  }
}
