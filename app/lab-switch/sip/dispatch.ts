import { bounds } from "../bounds.ts";
import type { Directory } from "../directory/directory.ts";
import { authenticate, type Verdict } from "../calls/gatekeeper.ts";
import { handleInDialog } from "../calls/in-dialog.ts";
import type { Registrar } from "../calls/registrar.ts";
import type { Switchboard } from "../calls/switchboard.ts";
import type { Log } from "../log.ts";
import { allow, header, headersNamed, param, parseAddress, parseUri, type Header } from "./message.ts";
import type { SipSocket } from "./socket.ts";
import type { ServerTransaction } from "./transactions.ts";

/** Gives each SIP request to who handles it. */
export class Dispatch {
  readonly #domain: string;
  readonly #directory: Directory;
  readonly #registrar: Registrar;
  readonly #switchboard: Switchboard;
  readonly #log: Log;

  constructor(domain: string, directory: Directory, registrar: Registrar, switchboard: Switchboard, log: Log) {
    this.#domain = domain;
    this.#directory = directory;
    this.#registrar = registrar;
    this.#switchboard = switchboard;
    this.#log = log;
  }

  readonly request = (socket: SipSocket, transaction: ServerTransaction): void => {
    const { request } = transaction;
    const leg = this.#switchboard.owner(request);
    if (request.method === "ACK") return;
    if (leg) return handleInDialog(this.#switchboard, leg, transaction);
    if (param(header(request, "To") ?? "", "tag") !== undefined) return transaction.reply(481);
    switch (request.method) {
      case "REGISTER": return void this.#register(socket, transaction).catch((error: Error) => this.#failed(transaction, error));
      case "INVITE": return void this.#invite(socket, transaction).catch((error: Error) => this.#failed(transaction, error));
      case "CANCEL": return this.#cancel(socket, transaction);
      case "OPTIONS": return transaction.reply(200, { headers: [["Allow", allow], ["Accept", "application/sdp"]] });
      default: transaction.reply(405, { headers: [["Allow", allow]] });
    }
  };

  async #register(socket: SipSocket, transaction: ServerTransaction): Promise<void> {
    const { request } = transaction;
    const verdict = await authenticate(request, socket, this.#directory, this.#domain, "Authorization");
    if (!("caller" in verdict)) return this.#deny(transaction, verdict, 401, "WWW-Authenticate");
    const { person, authName } = verdict.caller;
    const callId = header(request, "Call-ID") ?? "";
    const agent = (header(request, "User-Agent") ?? "").slice(0, 200);
    for (const value of headersNamed(request, "Contact").slice(0, bounds.registrationsPerPerson)) {
      if (value.trim() === "*") {
        for (const own of this.#registrar.of(person)) if (own.socket === socket) this.#registrar.remove(person, own.contact);
        continue;
      }
      const contact = parseAddress(value).uri;
      if (!parseUri(contact)) return transaction.reply(400, { reason: "Bad Contact" });
      const seconds = Number(param(value, "expires") ?? header(request, "Expires") ?? bounds.registrationSeconds.most);
      if (seconds === 0) this.#registrar.remove(person, contact);
      else this.#registrar.put({ person, authName, contact, socket, callId, agent, until: Date.now() + granted(seconds) * 1_000 });
    }
    const contacts = this.#registrar.of(person).filter((one) => one.socket === socket)
      .map(({ contact, until }): Header => ["Contact", `<${contact}>;expires=${Math.max(1, Math.round((until - Date.now()) / 1_000))}`]);
    this.#log("registered", { person, devices: this.#registrar.of(person).length });
    transaction.reply(200, { headers: contacts });
  }

  async #invite(socket: SipSocket, transaction: ServerTransaction): Promise<void> {
    const verdict = await authenticate(transaction.request, socket, this.#directory, this.#domain, "Proxy-Authorization");
    if (!("caller" in verdict)) return this.#deny(transaction, verdict, 407, "Proxy-Authenticate");
    await this.#switchboard.invite(verdict.caller, socket, transaction);
  }

  #cancel(socket: SipSocket, transaction: ServerTransaction): void {
    const invite = socket.transactions.invitedBy(transaction.request);
    transaction.reply(invite ? 200 : 481);
    if (invite) this.#switchboard.cancel(invite);
  }

  #deny(transaction: ServerTransaction, verdict: Exclude<Verdict, { caller: unknown }>, status: 401 | 407, field: string): void {
    if ("challenge" in verdict) return transaction.reply(status, { headers: [[field, verdict.challenge]] });
    transaction.reply(verdict.refused);
  }

  #failed(transaction: ServerTransaction, error: Error): void {
    this.#log("request-failed", { method: transaction.request.method, reason: error.message });
    transaction.reply(500);
  }
}

function granted(seconds: number): number {
  const { least, most } = bounds.registrationSeconds;
  return Number.isFinite(seconds) ? Math.min(most, Math.max(least, Math.floor(seconds))) : most;
}
