import type { RTCSession } from "jssip/lib/RTCSession.js";
import type { IncomingRequest } from "jssip/lib/SIPMessage.js";
import type { SipAccount } from "../protocol/wire.ts";
import { Emitter } from "./emitter.ts";
import { SipLine } from "./sip-line.ts";
import type { LineState } from "./sip-line.ts";

/** `none`: the application server knows no switch at the moment. */
export type MediaState = LineState | "none";

export interface RegistrationEvents {
  state: [state: MediaState];
  /** Calls go over another line from now on. */
  moved: [];
  /** An INVITE, over the current line or one that is going. */
  invite: [line: SipLine, session: RTCSession, request: IncomingRequest];
}

/** Milliseconds for a call to come over a line that the server asked for. */
const visitMs = 30_000;

/** Where this device is registered: one line with the switch that the server names, and those before it, or beside it, for as long as they have calls. */
export class Registration extends Emitter<RegistrationEvents> {
  readonly #retired = new Set<SipLine>();
  #line: SipLine | undefined;
  /** About to take over. */
  #next: SipLine | undefined;
  #told: MediaState = "none";
  #account: SipAccount | null = null;

  get line(): SipLine | undefined {
    return this.#line;
  }

  get state(): MediaState {
    return this.#line?.state ?? "none";
  }

  get account(): SipAccount | null {
    return this.#account;
  }

  /**
   * Registers where the server says. Until the new registration is there, calls go and come over the old one; it stays for the calls on it.
   */
  use(account: SipAccount | null): void {
    if (account && this.#newest && this.#newest.state !== "stopped" && isSame(account, this.#account)) {
      this.#account = account;
      return this.#newest.renewTurn(account.turn);
    }
    this.#account = account;
    void this.#next?.stop();
    this.#next = undefined;
    // Back to where it is registered still.
    if (account && this.#line?.state === "registered" && isSame(account, this.#line.account)) return this.#line.renewTurn(account.turn);
    if (!account || this.#line?.state !== "registered") this.retire();
    if (account) {
      const line = this.#open(account);
      if (this.#line) this.#next = line;
      else this.#line = line;
      line.start();
    }
    this.#tell();
  }

  /** Registers there too, for a call that is in that switch: calls from here go where they went before. */
  visit(account: SipAccount): void {
    this.#clear();
    const there = [this.#line, this.#next, ...this.#retired].find((line) => line?.account.url === account.url && line.state !== "stopped");
    // It shall say so again: the switch that asks may not know of it.
    if (there) return there.check();
    const line = this.#open(account);
    this.#retired.add(line);
    line.start();
    setTimeout(() => line.retire(), visitMs);
  }

  /** No new calls; those in progress go on. */
  retire(): void {
    void this.#next?.stop();
    const line = this.#line;
    this.#line = this.#next = undefined;
    this.#clear();
    if (!line) return;
    this.#retired.add(line);
    line.retire();
  }

  /** After a change of network: SIP itself would find out in a minute or two that the way to the switch is gone. */
  check(): void {
    for (const line of [this.#line, this.#next, ...this.#retired]) line?.check();
  }

  /** Ends every call of every line; resolves when the switches have forgotten them, or do not say so in time. */
  async stop(): Promise<void> {
    const lines = [this.#line, this.#next, ...this.#retired];
    this.#retired.clear();
    this.#line = this.#next = undefined;
    this.#account = null;
    await Promise.all(lines.map((line) => line?.stop()));
  }

  #open(account: SipAccount): SipLine {
    const line = new SipLine(account);
    line.on("state", () => this.#onState(line));
    line.on("incoming", (session, request) => this.emit("invite", line, session, request));
    return line;
  }

  /** Lines that have ended are forgotten. */
  #clear(): void {
    for (const retired of this.#retired) if (retired.state === "stopped") this.#retired.delete(retired);
  }

  get #newest(): SipLine | undefined {
    return this.#next ?? this.#line;
  }

  #onState(line: SipLine): void {
    // The new one is there, or the old one is gone before it.
    const next = this.#next;
    if (next && ((line === next && line.state === "registered") || (line === this.#line && line.state !== "registered"))) {
      this.#next = undefined;
      this.retire();
      this.#line = next;
      this.emit("moved");
    }
    this.#tell();
  }

  #tell(): void {
    if (this.state === this.#told) return;
    this.#told = this.state;
    this.emit("state", this.state);
  }
}

/** Whether it is the same registration; its relay may have another credential. */
function isSame(one: SipAccount, other: SipAccount | null): boolean {
  return one.url === other?.url && one.domain === other.domain && one.user === other.user && one.password === other.password;
}
