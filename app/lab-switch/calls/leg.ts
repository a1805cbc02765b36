import { randomBytes, randomUUID } from "node:crypto";
import { reasonHeader, type Cause } from "../causes.ts";
import { microseconds } from "../events.ts";
import { allow, header, param, parseAddress, parseUri, userAgent, type Header, type SipRequest, type SipResponse } from "../sip/message.ts";
import type { SipSocket } from "../sip/socket.ts";
import type { ClientTransaction, ServerTransaction } from "../sip/transactions.ts";

export interface LegInit {
  direction: "inbound" | "outbound";
  person: string;
  authName?: string;
  socket: SipSocket;
  callId: string;
  /** `From` and `To` of a request from the switch to the device, without the device's tag. */
  local: string;
  remote: string;
  remoteTag?: string;
  /** Where requests within the dialog go: the device's Contact. */
  target: string;
  destination: string;
  callerName: string;
  callerNumber: string;
  /** Of whoever has the device, when the leg was made to call them. */
  number?: string;
  /** The call of the leg that calls; the leg's own when it begins one. */
  call?: string;
}

/** One dialog (RFC 3261 section 12) between the switch and a device: what FreeSWITCH calls a channel. */
export class Leg {
  readonly uuid = randomUUID();
  /** Id of the call, as the application server knows it: that of the leg which began it. */
  readonly call: string;
  readonly direction: LegInit["direction"];
  readonly person: string;
  readonly authName: string;
  readonly callId: string;
  readonly localTag = randomBytes(8).toString("hex");
  readonly createdUs = microseconds();
  destination: string;
  callerName: string;
  callerNumber: string;
  readonly #number: string;
  readonly #local: string;
  readonly #remote: string;
  socket: SipSocket;
  remoteTag: string | undefined;
  target: string;
  state: "ringing" | "answered" | "ended" = "ringing";
  progressed = false;
  held = false;
  answeredUs = 0;
  endedUs = 0;
  cause: Cause | undefined;
  /** The unanswered INVITE of the device. */
  invite: ServerTransaction | undefined;
  /** The unanswered INVITE to the device. */
  inviting: ClientTransaction | undefined;
  peer: Leg | undefined;
  /** For a leg to a called device: the leg that called. */
  originator: Leg | undefined;
  /** Who was looked up last on behalf of this leg. */
  dialled: string | undefined;
  /** What came of the last attempt to reach somebody, as FreeSWITCH's `originate_disposition`; empty before there was one. */
  disposition = "";
  readonly variables = new Map<string, string>();
  #sequence = 0;

  constructor(init: LegInit) {
    this.call = init.call ?? this.uuid;
    this.direction = init.direction;
    this.person = init.person;
    this.authName = init.authName ?? "";
    this.socket = init.socket;
    this.callId = init.callId;
    this.#local = init.local;
    this.#remote = init.remote;
    this.remoteTag = init.remoteTag;
    this.target = init.target;
    this.destination = init.destination;
    this.callerName = init.callerName;
    this.callerNumber = init.callerNumber;
    this.#number = init.number ?? init.callerNumber;
  }

  get ended(): boolean {
    return this.state === "ended";
  }

  /** The user part of the device's Contact, which JsSIP makes anew for each page. */
  get contactUser(): string {
    return parseUri(this.target)?.user ?? "";
  }

  /** Whether a request belongs to this dialog. */
  owns(request: SipRequest): boolean {
    if (header(request, "Call-ID") !== this.callId) return false;
    return param(header(request, "To") ?? "", "tag") === this.localTag && param(header(request, "From") ?? "", "tag") === this.remoteTag;
  }

  /** Calls somebody from now on: whoever was called before is now the one who calls. */
  calls(destination: string): void {
    this.destination = destination;
    if (this.direction === "inbound") return;
    this.callerName = this.person;
    this.callerNumber = this.#number;
  }

  /** Learns the device's tag and Contact from its answer. */
  learn(response: SipResponse): void {
    this.remoteTag ??= param(header(response, "To") ?? "", "tag");
    const contact = header(response, "Contact");
    if (contact !== undefined) this.target = parseAddress(contact).uri;
  }

  /** A request within the dialog, or the INVITE that begins it. */
  request(method: string, body = "", extra: Header[] = []): SipRequest {
    this.#sequence += 1;
    return {
      kind: "request", method, uri: this.target, body,
      headers: [
        ["Max-Forwards", "70"], ["From", `${this.#local};tag=${this.localTag}`],
        ["To", this.remoteTag === undefined ? this.#remote : `${this.#remote};tag=${this.remoteTag}`],
        ["Call-ID", this.callId], ["CSeq", `${this.#sequence} ${method}`], ["User-Agent", userAgent], ["Allow", allow], ...extra,
      ],
    };
  }

  /** The ACK of a 2xx carries the number of its INVITE, and the answer when the 2xx made the offer. (RFC 3261 section 13.2.2.4) */
  acknowledge(answer = ""): SipRequest {
    const sequence = this.#sequence;
    const request = this.request("ACK", answer, answer === "" ? [] : [["Content-Type", "application/sdp"]]);
    this.#sequence = sequence;
    return { ...request, headers: request.headers.map(([name, value]): Header => [name, name === "CSeq" ? `${sequence} ACK` : value]) };
  }

  goodbye(cause: Cause): SipRequest {
    return this.request("BYE", "", [["Reason", reasonHeader(cause)]]);
  }
}
