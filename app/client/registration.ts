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
  /** An INVITE, over the current line or one that is going. */
  invite: [line: SipLine, session: RTCSession, request: IncomingRequest];
}

/** Where this device is registered: one line with the switch that the server names, and those before it for as long as they have calls. */
export class Registration extends Emitter<RegistrationEvents> {
  readonly #retired = new Set<SipLine>();
  #line: SipLine | undefined;
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

  /** Registers where the server says. The old registration stays for the calls on it, and new ones go over the new. */
  use(account: SipAccount | null): void {
    if (account && this.#line && this.#line.state !== "stopped" && isSame(account, this.#account)) return;
    this.#account = account;
    this.retire();
    if (account) {
      const line = new SipLine(account);
      this.#line = line;
      line.on("state", (state) => {
        if (line === this.#line) this.emit("state", state);
      });
      line.on("incoming", (session, request) => this.emit("invite", line, session, request));
      line.start();
    }
    this.emit("state", this.state);
  }

  /** No new calls; those in progress go on. */
  retire(): void {
    const line = this.#line;
    this.#line = undefined;
    for (const retired of this.#retired) if (retired.state === "stopped") this.#retired.delete(retired);
    if (!line) return;
    this.#retired.add(line);
    line.retire();
  }

  /** After a change of network: SIP itself would find out in a minute or two that the way to the switch is gone. */
  check(): void {
    this.#line?.check();
  }

  /** Ends every call of every line. */
  stop(): void {
    this.#line?.stop();
    for (const line of this.#retired) line.stop();
    this.#retired.clear();
    this.#line = undefined;
    this.#account = null;
  }
}

function isSame(one: SipAccount, other: SipAccount | null): boolean {
  return one.url === other?.url && one.domain === other.domain && one.user === other.user && one.password === other.password;
}
