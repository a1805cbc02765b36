import { randomUUID } from "node:crypto";
import { bounds } from "../bounds.ts";
import { causeOf, mostTelling, reasonHeader, statusOf, type Cause } from "../causes.ts";
import type { Config } from "../config.ts";
import type { Directory } from "../directory/directory.ts";
import { microseconds, type Events } from "../events.ts";
import type { Log } from "../log.ts";
import { allow, header, param, parseAddress, parseUri, quoted, type Header, type SipRequest, type SipResponse } from "../sip/message.ts";
import type { SipSocket } from "../sip/socket.ts";
import type { ServerTransaction } from "../sip/transactions.ts";
import { channelHeaders } from "./channel-headers.ts";
import type { Caller } from "./gatekeeper.ts";
import { Leg } from "./leg.ts";
import type { Registrar } from "./registrar.ts";

const sdp: Header = ["Content-Type", "application/sdp"];

/**
 * Connects the leg of who calls with the legs of who is called; browsers exchange media directly, so offers and answers
 * pass through as they are. Every step is told as the channel events that FreeSWITCH would send.
 */
export class Switchboard {
  readonly #config: Config;
  readonly #directory: Directory;
  readonly #registrar: Registrar;
  readonly #events: Events;
  readonly #log: Log;
  readonly #legs = new Map<string, Leg>();
  /** Called whenever the last leg is gone. */
  onIdle: () => void = () => {};
  draining = false;

  constructor(config: Config, directory: Directory, registrar: Registrar, events: Events, log: Log) {
    this.#config = config;
    this.#directory = directory;
    this.#registrar = registrar;
    this.#events = events;
    this.#log = log;
  }

  get legs(): Leg[] {
    return [...this.#legs.values()];
  }

  leg(uuid: string): Leg | undefined {
    return this.#legs.get(uuid);
  }

  owner(request: SipRequest): Leg | undefined {
    return this.legs.find((leg) => leg.owns(request));
  }

  /** Somebody who has authenticated calls. */
  async invite(caller: Caller, socket: SipSocket, transaction: ServerTransaction): Promise<void> {
    const { request } = transaction;
    const own = this.legs.filter(({ person }) => person === caller.person);
    if (this.draining && own.length === 0) return transaction.reply(503, { reason: "Draining" });
    if (this.#legs.size >= bounds.legs || own.length >= bounds.legsPerPerson) return transaction.reply(503);
    const leg = this.#inboundLeg(caller, socket, transaction);
    if (request.body === "") return this.#refuse(leg, "INCOMPATIBLE_DESTINATION");
    const { found, ...rest } = await this.#directory.find(leg.destination, "user_call");
    if (leg.ended) return;
    if (!found) return this.#refuse(leg, "why" in rest && rest.why === "unreachable" ? "NORMAL_TEMPORARY_FAILURE" : "UNALLOCATED_NUMBER");
    if (found.variables["do_not_disturb"] === "true") return this.#refuse(leg, "NO_USER_RESPONSE", "Do Not Disturb", 480);
    const devices = this.#registrar.of(found.id);
    if (devices.length === 0) return this.#refuse(leg, "USER_NOT_REGISTERED");
    this.#ring(leg, found.id, devices);
  }

  /** The caller takes an unanswered call back. */
  cancel(transaction: ServerTransaction): void {
    const leg = this.legs.find(({ invite }) => invite === transaction);
    if (leg) this.hangUp(leg, "ORIGINATOR_CANCEL");
  }

  /** A request within a dialog. */
  handle(leg: Leg, transaction: ServerTransaction): void {
    const { request } = transaction;
    switch (request.method) {
      case "BYE":
        transaction.reply(200);
        return this.hangUp(leg, "NORMAL_CLEARING", false);
      case "INVITE": return this.#reinvite(leg, transaction);
      case "INFO": return this.#info(leg, transaction);
      case "UPDATE": return request.body === "" ? transaction.reply(200, { headers: [this.#contact()] }) : transaction.reply(488);
      case "NOTIFY": case "OPTIONS": return transaction.reply(200);
      default: transaction.reply(501, { reason: "Not in the lab switch" });
    }
  }

  /** Ends a leg and, when they talk, its peer. `tell` is false when the device ended it itself. */
  hangUp(leg: Leg, cause: Cause, tell = true): void {
    if (leg.ended) return;
    const { peer } = leg;
    if (peer && !peer.ended) {
      this.#events.emit("CHANNEL_UNBRIDGE", this.#headers(leg));
      this.#end(leg, cause, tell);
      this.#end(peer, "NORMAL_CLEARING", true);
      return;
    }
    this.#end(leg, cause, tell);
    for (const called of this.legs) if (called.originator === leg && called.state === "ringing") this.#end(called, cause, true);
  }

  /** A connection is gone. Its legs stay for a while: a person may come back, and hang up what is left. */
  lose(socket: SipSocket): void {
    for (const leg of this.legs) {
      if (leg.socket !== socket) continue;
      if (leg.state === "ringing") this.#endRinging(leg, "DESTINATION_OUT_OF_ORDER");
      else setTimeout(() => this.hangUp(leg, "MEDIA_TIMEOUT"), this.#config.lostSeconds * 1_000).unref();
    }
  }

  #inboundLeg(caller: Caller, socket: SipSocket, transaction: ServerTransaction): Leg {
    const { request } = transaction;
    const from = header(request, "From") ?? "";
    const { variables } = caller.user;
    const leg = new Leg({
      direction: "inbound", person: caller.person, authName: caller.authName, socket,
      callId: header(request, "Call-ID") ?? "",
      local: header(request, "To") ?? "", remote: from.replace(/;tag=[^;]*/, ""), remoteTag: param(from, "tag"),
      target: parseAddress(header(request, "Contact") ?? from).uri,
      destination: parseUri(request.uri)?.user ?? "",
      callerName: variables["effective_caller_id_name"] ?? caller.person,
      callerNumber: variables["effective_caller_id_number"] ?? caller.person,
    });
    leg.invite = transaction;
    this.#add(leg);
    transaction.reply(100);
    return leg;
  }

  #ring(caller: Leg, person: string, devices: ReturnType<Registrar["of"]>): void {
    const body = caller.invite!.request.body;
    const called = devices.map(({ contact, socket }) => {
      const leg = new Leg({
        direction: "outbound", person, socket, callId: randomUUID(),
        local: `${quoted(caller.callerName)} <sip:${caller.callerNumber}@${this.#config.domain}>`,
        remote: `<sip:${person}@${this.#config.domain}>`,
        target: contact, destination: person, callerName: caller.callerName, callerNumber: caller.callerNumber,
      });
      leg.originator = caller;
      return leg;
    });
    const causes: Cause[] = [];
    const timer = setTimeout(() => this.#giveUp(caller, "NO_ANSWER"), this.#config.ringSeconds * 1_000);
    timer.unref();
    for (const leg of called) {
      this.#add(leg);
      const extra: Header[] = [this.#contact(), sdp, ["X-Call-ID", caller.uuid]];
      leg.inviting = leg.socket.transactions.request(leg.request("INVITE", body, extra), (response) => {
        if (response.status < 200) return this.#progress(caller, leg, response);
        leg.inviting = undefined;
        if (response.status < 300) {
          clearTimeout(timer);
          return this.#accept(caller, leg, called, response);
        }
        causes.push(leg.cause ?? causeOf(response.status));
        if (!leg.ended) this.#end(leg, causeOf(response.status), false);
        if (causes.length === called.length && !caller.ended && caller.state === "ringing") {
          clearTimeout(timer);
          this.#refuse(caller, mostTelling(causes));
        }
      });
    }
  }

  #progress(caller: Leg, leg: Leg, { status }: SipResponse): void {
    if (status === 100 || leg.ended || caller.ended || leg.progressed) return;
    leg.progressed = true;
    this.#events.emit("CHANNEL_PROGRESS", this.#headers(leg));
    if (caller.progressed) return;
    caller.progressed = true;
    caller.invite?.reply(180, { toTag: caller.localTag, headers: [this.#contact()] });
    this.#events.emit("CHANNEL_PROGRESS", this.#headers(caller));
  }

  /** The first device to answer has the call. */
  #accept(caller: Leg, leg: Leg, called: readonly Leg[], response: SipResponse): void {
    leg.learn(response);
    leg.socket.transactions.send(leg.acknowledge());
    if (leg.ended || caller.ended || caller.state === "answered") {
      // It answered in the moment in which it was too late.
      leg.socket.transactions.request(leg.goodbye(leg.cause ?? "LOSE_RACE"), () => {});
      if (!leg.ended) this.#end(leg, "LOSE_RACE", false);
      return;
    }
    this.#answered(leg);
    this.#answered(caller);
    caller.peer = leg;
    leg.peer = caller;
    caller.invite?.reply(200, { toTag: caller.localTag, body: response.body, headers: [this.#contact(), sdp, ["Allow", allow], ["X-Call-ID", caller.uuid]] });
    caller.invite = undefined;
    this.#events.emit("CHANNEL_BRIDGE", { ...this.#headers(caller), "Bridge-A-Unique-ID": caller.uuid, "Bridge-B-Unique-ID": leg.uuid });
    for (const other of called) if (other !== leg && !other.ended) this.#end(other, "LOSE_RACE", true);
  }

  #giveUp(caller: Leg, cause: Cause): void {
    if (caller.ended || caller.state !== "ringing") return;
    for (const leg of this.legs) if (leg.originator === caller && leg.state === "ringing") this.#end(leg, cause, true);
    this.#refuse(caller, cause);
  }

  #endRinging(leg: Leg, cause: Cause): void {
    if (leg.direction === "inbound") return this.hangUp(leg, "ORIGINATOR_CANCEL", false);
    leg.inviting?.fail(503);
    if (!leg.ended) this.#end(leg, cause, false);
  }

  /** Answers the caller's INVITE with what came of it. */
  #refuse(leg: Leg, cause: Cause, reason?: string, status = statusOf(cause)): void {
    if (leg.ended) return;
    leg.invite?.reply(status, { toTag: leg.localTag, reason, headers: [["Reason", reasonHeader(cause)]] });
    leg.invite = undefined;
    this.#end(leg, cause, false);
  }

  /** A device changes its session: hold, or another network. The peer gets the offer, and its answer goes back. */
  #reinvite(leg: Leg, transaction: ServerTransaction): void {
    const { body } = transaction.request;
    const { peer } = leg;
    if (!peer || peer.ended || !peer.socket.open || body === "") return transaction.reply(peer ? 488 : 500);
    const contact = header(transaction.request, "Contact");
    if (contact !== undefined) leg.target = parseAddress(contact).uri;
    peer.socket.transactions.request(peer.request("INVITE", body, [this.#contact(), sdp]), (response) => {
      if (response.status < 200) return;
      if (response.status >= 300) return transaction.reply(response.status === 491 ? 491 : 488);
      peer.socket.transactions.send(peer.acknowledge());
      transaction.reply(200, { body: response.body, headers: [this.#contact(), sdp] });
      this.#hold(leg, /^a=(sendonly|inactive)\r?$/m.test(body));
    });
  }

  #hold(leg: Leg, held: boolean): void {
    if (leg.held === held || leg.ended) return;
    leg.held = held;
    this.#events.emit(held ? "CHANNEL_HOLD" : "CHANNEL_UNHOLD", this.#headers(leg));
  }

  /** DTMF by INFO goes on to the peer. */
  #info(leg: Leg, transaction: ServerTransaction): void {
    const { request } = transaction;
    transaction.reply(200);
    const digit = /^Signal\s*=\s*([0-9A-D*#])/im.exec(request.body)?.[1];
    if (digit !== undefined) this.#events.emit("DTMF", { ...this.#headers(leg), "DTMF-Digit": digit, "DTMF-Source": "ENDPOINT" });
    const type = header(request, "Content-Type");
    if (leg.peer && type !== undefined && request.body.length <= 1_024) leg.peer.socket.transactions.request(leg.peer.request("INFO", request.body, [["Content-Type", type]]), () => {});
  }

  #answered(leg: Leg): void {
    leg.state = "answered";
    leg.answeredUs = microseconds();
    this.#events.emit("CHANNEL_ANSWER", this.#headers(leg));
  }

  #add(leg: Leg): void {
    this.#legs.set(leg.uuid, leg);
    this.#events.emit("CHANNEL_CREATE", this.#headers(leg));
  }

  #end(leg: Leg, cause: Cause, tell: boolean): void {
    if (leg.ended) return;
    const was = leg.state;
    leg.cause = cause;
    leg.state = "ended";
    leg.endedUs = microseconds();
    if (tell) this.#tellDevice(leg, was, cause);
    this.#events.emit("CHANNEL_HANGUP", this.#headers(leg));
    this.#events.emit("CHANNEL_HANGUP_COMPLETE", this.#headers(leg));
    this.#events.emit("CHANNEL_DESTROY", this.#headers(leg));
    this.#legs.delete(leg.uuid);
    this.#log("leg-ended", { leg: leg.uuid, person: leg.person, direction: leg.direction, cause });
    if (this.#legs.size === 0) this.onIdle();
  }

  #tellDevice(leg: Leg, was: Leg["state"], cause: Cause): void {
    if (was === "answered") leg.socket.transactions.request(leg.goodbye(cause), () => {});
    else if (leg.direction === "outbound") leg.inviting?.cancel([["Reason", reasonHeader(cause)]]);
    else leg.invite?.reply(cause === "ORIGINATOR_CANCEL" ? 487 : statusOf(cause), { toTag: leg.localTag, headers: [["Reason", reasonHeader(cause)]] });
  }

  #contact(): Header {
    return ["Contact", `<sip:switch@${this.#config.wsHost}:${this.#config.wsPort};transport=ws>`];
  }

  #headers(leg: Leg): Record<string, string> {
    return channelHeaders(leg, this.#config.domain);
  }
}

