import { randomBytes } from "node:crypto";
import { bounds } from "../bounds.ts";
import { branch, cseq, header, param, respond, serialize, type Answer, type Header, type SipRequest, type SipResponse } from "./message.ts";

/** The transactions of one reliable connection (RFC 3261 section 17): nothing is retransmitted, everything ends. */
export class Transactions {
  readonly #servers = new Map<string, ServerTransaction>();
  readonly #clients = new Map<string, ClientTransaction>();
  readonly #send: (frame: string) => void;
  readonly #sentBy: string;

  constructor(send: (frame: string) => void, sentBy: string) {
    this.#send = send;
    this.#sentBy = sentBy;
  }

  get size(): number {
    return this.#servers.size + this.#clients.size;
  }

  /** A request came: a transaction for it, or `undefined` when it belongs to one already here. */
  receive(request: SipRequest): ServerTransaction | undefined {
    const key = `${branch(request)} ${request.method === "ACK" ? "INVITE" : request.method}`;
    const known = this.#servers.get(key);
    if (known) {
      if (request.method === "ACK") known.end();
      else known.repeat();
      return undefined;
    }
    const transaction = new ServerTransaction(request, this.#send, () => this.#servers.delete(key));
    // An ACK to a 2xx is no transaction (RFC 3261 section 13.2.2.4).
    if (request.method !== "ACK") this.#servers.set(key, transaction);
    return transaction;
  }

  /** The INVITE that a CANCEL names, if it is still unanswered. */
  invitedBy(cancel: SipRequest): ServerTransaction | undefined {
    return this.#servers.get(`${branch(cancel)} INVITE`);
  }

  receiveResponse(response: SipResponse): void {
    this.#clients.get(`${branch(response)} ${cseq(response)[1]}`)?.receive(response);
  }

  /** Sends a request; `headers` come without Via. */
  request(request: SipRequest, onResponse: (response: SipResponse) => void): ClientTransaction {
    const name = `z9hG4bK${randomBytes(8).toString("hex")}`;
    const via: Header = ["Via", `SIP/2.0/WS ${this.#sentBy};branch=${name}`];
    const key = `${name} ${request.method}`;
    const sent = { ...request, headers: [via, ...request.headers] };
    const transaction = new ClientTransaction(sent, this.#send, onResponse, () => this.#clients.delete(key));
    if (this.size >= bounds.transactionsPerSocket) {
      queueMicrotask(() => transaction.fail(503));
      return transaction;
    }
    this.#clients.set(key, transaction);
    this.#send(serialize(sent));
    return transaction;
  }

  /** Sends an ACK of a 2xx: it has no transaction and no answer. (RFC 3261 section 13.2.2.4) */
  send(request: SipRequest): void {
    const via: Header = ["Via", `SIP/2.0/WS ${this.#sentBy};branch=z9hG4bK${randomBytes(8).toString("hex")}`];
    this.#send(serialize({ ...request, headers: [via, ...request.headers] }));
  }

  /** The connection is gone: what waits for an answer gets 503. */
  close(): void {
    for (const transaction of [...this.#clients.values()]) transaction.fail(503);
    for (const transaction of [...this.#servers.values()]) transaction.end();
  }
}

export class ServerTransaction {
  readonly request: SipRequest;
  readonly toTag = randomBytes(8).toString("hex");
  #last: SipResponse | undefined;
  #ended = false;
  readonly #send: (frame: string) => void;
  readonly #forget: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(request: SipRequest, send: (frame: string) => void, forget: () => void) {
    this.request = request;
    this.#send = send;
    this.#forget = forget;
    // An INVITE is bounded by the time it may ring; every other request gets its answer at once or never.
    if (request.method !== "INVITE") this.#endAfter();
  }

  get answered(): boolean {
    return this.#last !== undefined && this.#last.status >= 200;
  }

  reply(status: number, answer: Answer = {}): void {
    if (this.answered) return;
    this.#last = respond(this.request, status, { toTag: status === 100 ? undefined : this.toTag, ...answer });
    this.#send(serialize(this.#last));
    if (status < 200) return;
    // A 2xx to INVITE is the dialog's from here on; a refusal waits for its ACK.
    if (this.request.method === "INVITE" && status < 300) this.end();
    else this.#endAfter();
  }

  repeat(): void {
    if (this.#last) this.#send(serialize(this.#last));
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#forget();
  }

  #endAfter(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.end(), bounds.transactionSeconds * 1_000).unref();
  }
}

export class ClientTransaction {
  readonly request: SipRequest;
  #done = false;
  #provisional = false;
  #cancel: Header[] | undefined;
  #cancelSent = false;
  readonly #send: (frame: string) => void;
  readonly #onResponse: (response: SipResponse) => void;
  readonly #forget: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(request: SipRequest, send: (frame: string) => void, onResponse: (response: SipResponse) => void, forget: () => void) {
    this.request = request;
    this.#send = send;
    this.#onResponse = onResponse;
    this.#forget = forget;
    this.#timer = setTimeout(() => this.fail(408), bounds.transactionSeconds * 1_000).unref();
  }

  receive(response: SipResponse): void {
    if (this.#done) return;
    if (response.status < 200) {
      this.#provisional = true;
      // Rings now: how long is the caller's business.
      if (this.request.method === "INVITE" && !this.#cancelSent) clearTimeout(this.#timer);
      if (this.#cancel) this.#sendCancel(this.#cancel);
    } else {
      this.#finish();
      if (this.request.method === "INVITE" && response.status >= 300) this.#acknowledge(response);
    }
    this.#onResponse(response);
  }

  /** Takes an INVITE back (RFC 3261 section 9.1): at once when it was heard of, else when it is. */
  cancel(headers: Header[] = []): void {
    if (this.#done || this.#cancel) return;
    this.#cancel = headers;
    if (this.#provisional) this.#sendCancel(headers);
  }

  /** An answer that never came from outside. */
  fail(status: number): void {
    if (this.#done) return;
    this.#finish();
    this.#onResponse(respond(this.request, status));
  }

  #finish(): void {
    this.#done = true;
    clearTimeout(this.#timer);
    this.#forget();
  }

  #sendCancel(headers: Header[]): void {
    if (this.#cancelSent) return;
    this.#cancelSent = true;
    this.#send(serialize(this.#sameBranch("CANCEL", header(this.request, "To") ?? "", headers)));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.fail(487), bounds.transactionSeconds * 1_000).unref();
  }

  #acknowledge(response: SipResponse): void {
    this.#send(serialize(this.#sameBranch("ACK", header(response, "To") ?? "")));
  }

  #sameBranch(method: string, to: string, extra: Header[] = []): SipRequest {
    const { request } = this;
    const [number] = cseq(request);
    return {
      kind: "request", method, uri: request.uri, body: "",
      headers: [
        ["Via", header(request, "Via") ?? ""], ["Max-Forwards", "70"], ["From", header(request, "From") ?? ""], ["To", to],
        ["Call-ID", header(request, "Call-ID") ?? ""], ["CSeq", `${number} ${method}`], ...extra,
      ],
    };
  }
}

export function tagOf(value: string | undefined): string | undefined {
  return value === undefined ? undefined : param(value, "tag");
}
