import { createHash, randomBytes } from "node:crypto";

/** A SIP message, with header names in lower case; several headers of one name stay in order. */
export interface SipMessage {
  readonly start: string;
  readonly headers: Map<string, string[]>;
  readonly body: string;
  /** Of a response, otherwise 0. */
  readonly status: number;
}

const compact: Record<string, string> = { v: "via", f: "from", t: "to", i: "call-id", m: "contact", l: "content-length", c: "content-type" };

export function parseSip(text: string): SipMessage {
  const [head = "", ...rest] = text.split("\r\n\r\n");
  const [start = "", ...lines] = head.split("\r\n");
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).trim().toLowerCase();
    const key = compact[name] ?? name;
    headers.set(key, [...headers.get(key) ?? [], line.slice(colon + 1).trim()]);
  }
  return { start, headers, body: rest.join("\r\n\r\n"), status: Number(/^SIP\/2\.0 (\d{3})/.exec(start)?.[1] ?? 0) };
}

export interface Account {
  readonly domain: string;
  /** What From says. */
  readonly name: string;
  readonly authName: string;
  readonly password: string;
}

/** One side of a call, for requests within it. (RFC 3261 section 12) */
export interface Dialog {
  readonly target: string;
  readonly local: string;
  readonly remote: string;
  readonly callId: string;
  sequence: number;
}

const uriOf = (contact: string) => /<([^>]*)>/.exec(contact)?.[1] ?? contact;

const md5 = (text: string) => createHash("md5").update(text).digest("hex");
const token = () => randomBytes(6).toString("hex");

/** The header that answers a challenge (RFC 2617, MD5 with qop=auth). */
export function credentialsFor({ authName, password }: Pick<Account, "authName" | "password">, status: number, method: string, uri: string, challenge: string): string {
  const field = (name: string) => new RegExp(`${name}="?([^",]+)"?`).exec(challenge)?.[1] ?? "";
  const cnonce = token();
  const proof = md5([md5(`${authName}:${field("realm")}:${password}`), field("nonce"), "00000001", cnonce, "auth", md5(`${method}:${uri}`)].join(":"));
  return `${status === 401 ? "Authorization" : "Proxy-Authorization"}: Digest username="${authName}", realm="${field("realm")}", nonce="${field("nonce")}", `
    + `uri="${uri}", response="${proof}", algorithm=MD5, cnonce="${cnonce}", qop=auth, nc=00000001`;
}

/** A small user agent on a WebSocket: registers, and sends INVITEs without media. Enough to see what the switch answers. */
export class SipClient {
  readonly received: SipMessage[] = [];
  /** When the connection is over, by whichever side. */
  readonly closed: Promise<void>;
  readonly #socket: WebSocket;
  readonly #account: Account;
  readonly #device = token();
  readonly #waiting = new Set<{ wants: (message: SipMessage) => boolean; got: (message: SipMessage) => void }>();
  #sequence = 0;
  /** URI and headers of the newest INVITE. */
  #lastInvite: string[] = [];

  private constructor(socket: WebSocket, account: Account) {
    this.#socket = socket;
    this.#account = account;
    this.closed = new Promise((resolve) => socket.addEventListener("close", () => resolve(), { once: true }));
    socket.addEventListener("message", (event) => {
      const message = parseSip(String(event.data));
      this.received.push(message);
      for (const waiter of [...this.#waiting]) {
        if (!waiter.wants(message)) continue;
        this.#waiting.delete(waiter);
        waiter.got(message);
      }
      if (message.start.startsWith("OPTIONS ") || message.start.startsWith("NOTIFY ")) this.reply(message, "200 OK");
    });
  }

  static async connect(url: string, account: Account): Promise<SipClient> {
    const socket = new WebSocket(url, "sip");
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener("open", () => resolve(), { once: true });
      socket.addEventListener("error", () => reject(new Error(`No SIP WebSocket at ${url}.`)), { once: true });
    });
    return new SipClient(socket, account);
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  close(): void {
    this.#socket.close();
  }

  /** Waits for a message that has not come yet. */
  next(what: string, wants: (message: SipMessage) => boolean, milliseconds = 8_000): Promise<SipMessage> {
    return new Promise((resolve, reject) => {
      const waiter = { wants, got: (message: SipMessage) => { clearTimeout(timer); resolve(message); } };
      const timer = setTimeout(() => {
        this.#waiting.delete(waiter);
        reject(new Error(`${what} did not come within ${milliseconds} ms; last: ${this.received.at(-1)?.start ?? "nothing"}.`));
      }, milliseconds);
      this.#waiting.add(waiter);
    });
  }

  async register(expires = 120): Promise<SipMessage> {
    return this.#transaction("REGISTER", `sip:${this.#account.domain}`, this.#account.name, [`Expires: ${expires}`], "");
  }

  /** Sends an INVITE (with credentials when asked for them) and resolves with its final response. */
  async invite(to: string, body: string, extra: string[] = [], callId = token()): Promise<SipMessage> {
    return this.#transaction("INVITE", `sip:${to}@${this.#account.domain}`, to, [...body ? ["Content-Type: application/sdp"] : [], ...extra], body, callId);
  }

  /** Takes back the INVITE sent last, which has no final response yet. (RFC 3261 section 9.1) */
  cancel(): void {
    const [uri = "", ...lines] = this.#lastInvite;
    this.send([`CANCEL ${uri} SIP/2.0`, ...lines.map((line) => line.replace(/^(CSeq: \d+) .*/, "$1 CANCEL"))], "");
  }

  /** Sends a request within a dialog, and resolves with its final response; an INVITE is acknowledged. */
  async within(dialog: Dialog, method: string, extra: string[] = [], body = ""): Promise<SipMessage> {
    const sequence = ++dialog.sequence;
    const lines = (method: string) => [`${method} ${dialog.target} SIP/2.0`, `Via: SIP/2.0/WS ${this.#device}.invalid;branch=z9hG4bK${token()}`, "Max-Forwards: 70",
      `From: ${dialog.local}`, `To: ${dialog.remote}`, `Call-ID: ${dialog.callId}`, `CSeq: ${sequence} ${method}`];
    const final = this.next(`The answer to ${method} in the dialog`, ({ status, headers }) =>
      status >= 200 && headers.get("cseq")?.[0] === `${sequence} ${method}` && headers.get("call-id")?.[0] === dialog.callId, 15_000);
    this.send([...lines(method), `Contact: ${this.#contact()}`, ...extra], body);
    const response = await final;
    if (method === "INVITE") this.send(lines("ACK"), "");
    return response;
  }

  /** The dialog of an INVITE that came from the switch and that this client answered. */
  answered(invite: SipMessage): Dialog {
    const field = (name: string) => invite.headers.get(name)?.[0] ?? "";
    return { target: uriOf(field("contact")), local: `${field("to")};tag=${this.#device}`, remote: field("from"), callId: field("call-id"), sequence: 0 };
  }

  /** The dialog of an INVITE that this client sent, from its response. */
  dialled(response: SipMessage): Dialog {
    const field = (name: string) => response.headers.get(name)?.[0] ?? "";
    return { target: uriOf(field("contact")), local: field("from"), remote: field("to"), callId: field("call-id"), sequence: this.#sequence };
  }

  /** Answers a request that came from the switch. */
  reply(request: SipMessage, status: string, extra: string[] = [], body = ""): void {
    const copy = ["via", "from", "call-id", "cseq", "record-route"].flatMap((name) => (request.headers.get(name) ?? []).map((value) => `${name}: ${value}`));
    const to = request.headers.get("to")?.[0] ?? "";
    this.send([`SIP/2.0 ${status}`, ...copy, `to: ${/;tag=/.test(to) || status.startsWith("100") ? to : `${to};tag=${this.#device}`}`,
      `Contact: ${this.#contact()}`, ...extra], body);
  }

  #contact(): string {
    return `<sip:${this.#device}@${this.#device}.invalid;transport=ws>`;
  }

  async #transaction(method: string, uri: string, to: string, extra: string[], body: string, callId = token()): Promise<SipMessage> {
    const fromTag = token();
    let credentials: string[] = [];
    for (;;) {
      const sequence = ++this.#sequence;
      const branch = `z9hG4bK${token()}`;
      const from = `<sip:${this.#account.name}@${this.#account.domain}>;tag=${fromTag}`;
      const target = `<sip:${to}@${this.#account.domain}>`;
      const via = `Via: SIP/2.0/WS ${this.#device}.invalid;branch=${branch}`;
      const final = this.next(`The answer to ${method} ${uri}`, ({ status, headers }) =>
        status >= 200 && headers.get("cseq")?.[0] === `${sequence} ${method}` && headers.get("call-id")?.[0] === callId, 30_000);
      const head = [via, "Max-Forwards: 70", `From: ${from}`, `To: ${target}`, `Call-ID: ${callId}`, `CSeq: ${sequence} ${method}`];
      if (method === "INVITE") this.#lastInvite = [uri, ...head];
      this.send([`${method} ${uri} SIP/2.0`, ...head, `Contact: ${this.#contact()}`, "Supported: outbound", ...credentials, ...extra], body);
      const response = await final;
      if (method === "INVITE") {
        this.send([`ACK ${uri} SIP/2.0`, response.status < 300 ? `Via: SIP/2.0/WS ${this.#device}.invalid;branch=z9hG4bK${token()}` : via, "Max-Forwards: 70", `From: ${from}`,
          `To: ${response.headers.get("to")?.[0] ?? target}`, `Call-ID: ${callId}`, `CSeq: ${sequence} ACK`], "");
      }
      const challenge = response.headers.get(response.status === 401 ? "www-authenticate" : "proxy-authenticate")?.[0];
      if (credentials.length > 0 || !challenge || ![401, 407].includes(response.status)) return response;
      credentials = [credentialsFor(this.#account, response.status, method, uri, challenge)];
    }
  }

  /** Sends a message as it is, with its length. */
  send(lines: string[], body: string): void {
    this.#socket.send([...lines, `Content-Length: ${Buffer.byteLength(body)}`, "", body].join("\r\n"));
  }
}

/** A device registers, and loses its connection without a goodbye. */
export async function cutOff(url: string, account: Account): Promise<void> {
  const client = await SipClient.connect(url, account);
  await client.register();
  client.close();
  await client.closed;
}

/** It is back, is rung up and says that it is busy. */
export async function comeBackBusy(url: string, account: Account): Promise<void> {
  const client = await SipClient.connect(url, account);
  const rings = client.next("an INVITE", ({ start }) => start.startsWith("INVITE "));
  await client.register();
  client.reply(await rings, "486 Busy Here");
  await client.register(0);
  client.close();
}
