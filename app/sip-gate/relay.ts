import type { RawData, WebSocket } from "ws";
import { RateLimit } from "../limits/rate-limit.ts";
import { bounds } from "./bounds.ts";
import type { Guesses } from "./guesses.ts";
import { SetUps } from "./set-ups.ts";
import { glance, type Glance } from "./sip.ts";

interface Message { data: RawData; isBinary: boolean; seen: Glance }

/** What the switch says of credentials: 401 and 407 ask for them, 403 refuses them (RFC 3261, sections 22 and 21.4.4). */
const refusals = new Set([401, 403, 407]);
/** Requests that the switch takes from nobody without credentials. */
const proving = new Set(["REGISTER", "INVITE"]);

/**
 * One browser's WebSocket and its other half at the switch. Only whole messages go on: FreeSWITCH reads a frame that has begun to its end
 * before it does anything else for anybody (sofia-sip 1.13, ws.c).
 */
export class Relay {
  readonly #browser: WebSocket;
  readonly #switch: WebSocket;
  readonly #address: string;
  readonly #guesses: Guesses;
  readonly #rate = new RateLimit(bounds.messageBurst, bounds.messageEveryMs);
  readonly #waiting: Message[] = [];
  readonly #setUps = new SetUps();
  readonly #heartbeat: NodeJS.Timeout;
  readonly #deadline: NodeJS.Timeout;
  readonly #onProven: () => void;
  /** Auth names under which passwords were sent that the switch has not answered yet. */
  readonly #claimed: string[] = [];
  #proven = false;
  #answered = true;
  #retry: NodeJS.Timeout | undefined;
  /** Tries again before its time, since another one's password was right. */
  readonly #go = () => {
    const before = this.#claimed.length;
    this.#pass();
    return this.#claimed.length > before;
  };

  constructor(parts: { browser: WebSocket; switch: WebSocket; address: string; guesses: Guesses; onProven: () => void }) {
    this.#browser = parts.browser;
    this.#switch = parts.switch;
    this.#address = parts.address;
    this.#guesses = parts.guesses;
    this.#onProven = parts.onProven;
    this.#browser.on("message", (data, isBinary) => this.#fromBrowser(data, isBinary));
    this.#switch.on("message", (data, isBinary) => this.#fromSwitch(data, isBinary));
    this.#browser.on("pong", () => { this.#answered = true; });
    this.#browser.on("close", (code, reason) => this.#end(this.#switch, code, reason));
    this.#switch.on("close", (code, reason) => this.#end(this.#browser, code, reason));
    // A frame beyond the bound, or one that is none: ws closes that side itself.
    this.#browser.on("error", () => {});
    this.#heartbeat = setInterval(() => this.#beat(), bounds.heartbeatMs);
    this.#deadline = setTimeout(() => this.close(1008, "not signed in within the deadline"), bounds.strangerMs);
  }

  /** Whether it may be closed without anything being cut off. */
  get isQuiet(): boolean {
    return this.#browser.readyState === this.#browser.OPEN && this.#waiting.length === 0 && this.#setUps.areQuiet;
  }

  /** What comes after it goes nowhere: whoever sent it hears so by the end of the connection. */
  close(code: number, reason: string): void {
    this.#browser.close(code, reason);
    // Now, not when the browser has agreed: the switch is to send nothing there any more.
    this.#switch.close(code, reason);
    // The closing handshake of a dead peer would take minutes.
    setTimeout(() => this.#browser.terminate(), 2_000).unref();
  }

  #fromBrowser(data: RawData, isBinary: boolean): void {
    if (this.#browser.readyState !== this.#browser.OPEN) return;
    const seen = glance(String(data));
    if (!seen) return this.close(1002, "that is not SIP");
    if (this.#waiting.length >= bounds.messagesWaiting) return this.close(1008, "too many messages");
    this.#waiting.push({ data, isBinary, seen });
    if (!this.#retry) this.#pass();
  }

  /** In their order; who has to wait is not read from meanwhile. */
  #pass(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#guesses.leave(this.#address, this.#go);
    for (let message; (message = this.#waiting[0]) !== undefined;) {
      const wait = this.#wait(message.seen);
      if (wait > 0) {
        this.#browser.pause();
        this.#retry = setTimeout(() => this.#pass(), wait);
        return;
      }
      this.#waiting.shift();
      this.#setUps.see(message.seen);
      this.#switch.send(message.data, { binary: message.isBinary });
    }
    if (this.#browser.isPaused) this.#browser.resume();
  }

  #wait({ authName }: Glance): number {
    if (this.#switch.bufferedAmount > bounds.switchQueuedBytes) return bounds.messageEveryMs;
    const wait = this.#rate.wait("");
    if (wait > 0) return wait;
    if (authName !== undefined && !this.#proven) {
      const patience = this.#guesses.take(this.#address, authName);
      if (patience > 0) {
        this.#guesses.wait(this.#address, this.#go);
        return patience;
      }
      this.#claimed.push(authName);
    }
    return this.#rate.take("");
  }

  #fromSwitch(data: RawData, isBinary: boolean): void {
    const seen = glance(String(data));
    if (seen) this.#setUps.see(seen);
    if (!this.#proven) this.#judge(seen);
    if (this.#browser.bufferedAmount > bounds.queuedBytes) return this.#browser.terminate();
    this.#browser.send(data, { binary: isBinary });
  }

  /** What the switch answers tells whether a password was right. */
  #judge(seen: Glance | undefined): void {
    if (seen?.status === undefined || seen.status <= 100 || !proving.has(seen.method)) return;
    const name = this.#claimed.shift();
    if (name === undefined || refusals.has(seen.status)) return;
    this.#guesses.giveBack(this.#address, name);
    // A switch that drains or has no directory says so to everybody.
    if (seen.status >= 500) return;
    this.#proven = true;
    clearTimeout(this.#deadline);
    this.#onProven();
    if (this.#retry) this.#pass();
  }

  #beat(): void {
    if (!this.#answered) return this.#browser.terminate();
    this.#answered = false;
    this.#browser.ping();
  }

  #end(other: WebSocket, code: number, reason: Buffer): void {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#deadline);
    clearTimeout(this.#retry);
    this.#guesses.leave(this.#address, this.#go);
    this.#waiting.length = 0;
    if (other.readyState !== other.OPEN) return;
    // 1005 and 1006 stand for "no code" and "no closing frame", and are never sent (RFC 6455, section 7.4.1).
    if (code >= 1_000 && code !== 1_005 && code !== 1_006 && code < 5_000) other.close(code, reason);
    else if (code === 1_005) other.close();
    else other.terminate();
    setTimeout(() => other.terminate(), 2_000).unref();
  }
}
