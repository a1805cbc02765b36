import { randomUUID } from "node:crypto";
import { bounds } from "../bounds.ts";
import { causeOf, mostTelling, reasonHeader, statusOf, type Cause } from "../causes.ts";
import type { Config } from "../config.ts";
import type { Directory } from "../directory/directory.ts";
import type { DirectoryUser } from "../directory/xml.ts";
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

  /** Tells who listens of an event of a channel. */
  tell(name: string, leg: Leg, more: Record<string, string> = {}): void {
    this.#events.emit(name, { ...channelHeaders(leg, this.#config.domain), ...more });
  }

  /** Somebody who has authenticated calls. */
  async invite(caller: Caller, socket: SipSocket, transaction: ServerTransaction): Promise<void> {
    const { request } = transaction;
    const own = this.legs.filter(({ person }) => person === caller.person);
    if (this.draining && own.length === 0) return transaction.reply(503, { reason: "Draining" });
    if (this.#legs.size >= bounds.legs || own.length >= bounds.legsPerPerson) return transaction.reply(503);
    const leg = this.#inboundLeg(caller, socket, transaction);
    if (request.body === "") return this.#refuse(leg, "INCOMPATIBLE_DESTINATION");
    await this.#call(leg);
  }

  /** Takes a leg out of its call and connects it with somebody else; the leg that it talked to is over. */
  transfer(leg: Leg, destination: string): void {
    const left = leg.peer;
    if (left) {
      this.#unbridged(leg, left);
      leg.peer = undefined;
      this.#end(left, "NORMAL_CLEARING", true);
    }
    leg.originator = undefined;
    leg.calls(destination);
    this.#call(leg).catch((error: Error) => {
      this.#log("transfer-failed", { leg: leg.uuid, reason: error.message });
      this.hangUp(leg, "NORMAL_TEMPORARY_FAILURE");
    });
  }

  /** The caller takes an unanswered call back. */
  cancel(transaction: ServerTransaction): void {
    const leg = this.legs.find(({ invite }) => invite === transaction);
    if (!leg) return;
    if (leg.disposition !== "") leg.disposition = "ORIGINATOR_CANCEL";
    this.hangUp(leg, "ORIGINATOR_CANCEL");
  }

  /** Ends a leg and, when they talk, its peer. `tell` is false when the device ended it itself. */
  hangUp(leg: Leg, cause: Cause, tell = true): void {
    if (leg.ended) return;
    const { peer } = leg;
    if (peer && !peer.ended) {
      this.#unbridged(leg, peer);
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

  /** Looks up who is called, and rings their devices. */
  async #call(leg: Leg): Promise<void> {
    const { found, ...rest } = await this.#directory.find(leg.destination, "user_call");
    if (leg.ended) return;
    if (!found) return this.#refuse(leg, "why" in rest && rest.why === "unreachable" ? "NORMAL_TEMPORARY_FAILURE" : "UNALLOCATED_NUMBER");
    if (found.variables["do_not_disturb"] === "true") return this.#refuse(leg, "NO_USER_RESPONSE", "Do Not Disturb", 480);
    leg.disposition = "failure";
    const devices = this.#registrar.of(found.id);
    if (devices.length === 0) return this.#refuse(leg, "USER_NOT_REGISTERED");
    this.#ring(leg, found, devices);
  }

  #ring(caller: Leg, { id: person, numberAlias = person }: DirectoryUser, devices: ReturnType<Registrar["of"]>): void {
    caller.dialled = person;
    // A transferred leg has no offer at hand: the called device makes one. (RFC 3725 section 4.1)
    const body = caller.invite?.request.body ?? "";
    const called = devices.map(({ contact, socket }) => {
      const leg = new Leg({
        direction: "outbound", person, socket, callId: randomUUID(),
        local: `${quoted(caller.callerName)} <sip:${caller.callerNumber}@${this.#config.domain}>`,
        remote: `<sip:${person}@${this.#config.domain}>`,
        // FreeSWITCH dials a device by its contact.
        target: contact, destination: parseUri(contact)?.user ?? person, callerName: caller.callerName, callerNumber: caller.callerNumber, number: numberAlias, call: caller.call,
      });
      leg.originator = caller;
      leg.dialled = person;
      return leg;
    });
    const causes: Cause[] = [];
    const timer = setTimeout(() => this.#giveUp(caller, "NO_ANSWER"), this.#config.ringSeconds * 1_000);
    timer.unref();
    for (const leg of called) {
      this.#add(leg);
      const extra: Header[] = [this.contact, ...(body === "" ? [] : [sdp]), ["X-Houseline-Call", caller.call]];
      leg.inviting = leg.socket.transactions.request(leg.request("INVITE", body, extra), (response) => {
        if (response.status < 200) return this.#progress(caller, leg, response);
        leg.inviting = undefined;
        if (response.status < 300) {
          clearTimeout(timer);
          return this.#accept(caller, leg, called, response);
        }
        causes.push(leg.cause ?? causeOf(response.status));
        if (!leg.ended) this.#end(leg, causeOf(response.status), false);
        if (causes.length === called.length && !caller.ended && !caller.peer) {
          clearTimeout(timer);
          this.#refuse(caller, mostTelling(causes));
        }
      });
    }
  }

  #progress(caller: Leg, leg: Leg, { status }: SipResponse): void {
    if (status === 100 || leg.ended || caller.ended || leg.progressed) return;
    leg.progressed = true;
    this.tell("CHANNEL_PROGRESS", leg);
    if (caller.progressed) return;
    caller.progressed = true;
    caller.invite?.reply(180, { toTag: caller.localTag, headers: [this.contact] });
    this.tell("CHANNEL_PROGRESS", caller);
  }

  /** The first device to answer has the call. */
  #accept(caller: Leg, leg: Leg, called: readonly Leg[], response: SipResponse): void {
    leg.learn(response);
    const late = leg.ended || caller.ended || caller.peer !== undefined;
    if (late || caller.state === "ringing") leg.socket.transactions.send(leg.acknowledge());
    if (late) {
      leg.socket.transactions.request(leg.goodbye(leg.cause ?? "LOSE_RACE"), () => {});
      if (!leg.ended) this.#end(leg, "LOSE_RACE", false);
      return;
    }
    this.#answered(leg);
    if (caller.state === "ringing") this.#answered(caller);
    else this.#offerAgain(caller, leg, response.body);
    caller.peer = leg;
    leg.peer = caller;
    caller.disposition = "SUCCESS";
    caller.invite?.reply(200, { toTag: caller.localTag, body: response.body, headers: [this.contact, sdp, ["Allow", allow]] });
    caller.invite = undefined;
    this.tell("CHANNEL_BRIDGE", caller, { "Bridge-A-Unique-ID": caller.uuid, "Bridge-B-Unique-ID": leg.uuid });
    for (const other of called) if (other !== leg && !other.ended) this.#end(other, "LOSE_RACE", true);
  }

  /** A leg that talked to somebody else gets the new one's offer; its answer goes back in the ACK. (RFC 3725 section 4.1) */
  #offerAgain(leg: Leg, from: Leg, offer: string): void {
    leg.socket.transactions.request(leg.request("INVITE", offer, [this.contact, sdp]), (response) => {
      if (response.status < 200) return;
      const agreed = response.status < 300;
      if (agreed) leg.socket.transactions.send(leg.acknowledge());
      from.socket.transactions.send(from.acknowledge(agreed ? response.body : ""));
      if (!agreed) this.hangUp(leg, "INCOMPATIBLE_DESTINATION");
    });
  }

  #giveUp(caller: Leg, cause: Cause): void {
    if (caller.ended || caller.peer) return;
    for (const leg of this.legs) if (leg.originator === caller && leg.state === "ringing") this.#end(leg, cause, true);
    this.#refuse(caller, cause);
  }

  #endRinging(leg: Leg, cause: Cause): void {
    if (leg.direction === "inbound") return this.hangUp(leg, "ORIGINATOR_CANCEL", false);
    leg.inviting?.fail(503);
    if (!leg.ended) this.#end(leg, cause, false);
  }

  /** Answers the caller's INVITE with what came of it; a leg that was transferred there is over. */
  #refuse(leg: Leg, cause: Cause, reason?: string, status = statusOf(cause)): void {
    if (leg.ended) return;
    if (leg.disposition !== "") leg.disposition = cause;
    if (!leg.invite) return this.hangUp(leg, cause);
    leg.invite.reply(status, { toTag: leg.localTag, reason, headers: [["Reason", reasonHeader(cause)]] });
    leg.invite = undefined;
    this.#end(leg, cause, false);
  }

  /** Two legs talk no more: FreeSWITCH says so of the one that called. */
  #unbridged(leg: Leg, peer: Leg): void {
    this.tell("CHANNEL_UNBRIDGE", peer.originator === leg ? leg : peer);
  }

  #answered(leg: Leg): void {
    leg.state = "answered";
    leg.answeredUs = microseconds();
    this.tell("CHANNEL_ANSWER", leg);
  }

  #add(leg: Leg): void {
    this.#legs.set(leg.uuid, leg);
    this.tell("CHANNEL_CREATE", leg);
  }

  #end(leg: Leg, cause: Cause, tell: boolean): void {
    if (leg.ended) return;
    const was = leg.state;
    leg.cause = cause;
    leg.state = "ended";
    leg.endedUs = microseconds();
    if (tell) this.#tellDevice(leg, was, cause);
    this.tell("CHANNEL_HANGUP", leg);
    this.tell("CHANNEL_HANGUP_COMPLETE", leg);
    this.tell("CHANNEL_DESTROY", leg);
    this.#legs.delete(leg.uuid);
    this.#log("leg-ended", { leg: leg.uuid, person: leg.person, direction: leg.direction, cause });
    if (this.#legs.size === 0) this.onIdle();
  }

  #tellDevice(leg: Leg, was: Leg["state"], cause: Cause): void {
    if (was === "answered") leg.socket.transactions.request(leg.goodbye(cause), () => {});
    else if (leg.direction === "outbound") leg.inviting?.cancel([["Reason", reasonHeader(cause)]]);
    else leg.invite?.reply(cause === "ORIGINATOR_CANCEL" ? 487 : statusOf(cause), { toTag: leg.localTag, headers: [["Reason", reasonHeader(cause)]] });
  }

  /** Where a device sends its requests within a dialog. */
  get contact(): Header {
    return ["Contact", `<sip:switch@${this.#config.wsHost}:${this.#config.wsPort};transport=ws>`];
  }

}

