import { WebSocket } from "ws";
import { protocolVersion, type ParamsInput, type RequestName, type SipAccount } from "../../app/protocol/wire.ts";

type Answer = { resolve(result: Record<string, unknown>): void; reject(error: Error & { code?: string }): void };

/** One signed-in socket without a browser: reads no more of a frame than it has to, and comes back when its server goes. */
export class Subscriber {
  readonly #token: string;
  readonly #urls: readonly string[];
  readonly #headers: Record<string, string>;
  readonly #waiting = new Map<number, Answer>();
  #lastId = 1;
  #socket: WebSocket | undefined;
  #resumeToken = "";
  #lastSeq = 0;
  #at = 0;
  #closed = false;
  /** Numbers that came twice or were left out. */
  doubled = 0;
  lost = 0;
  resumed = 0;
  /** Events that have come. */
  events = 0;
  /** The longest that it was without its session, in milliseconds. */
  longestAway = 0;
  #awaySince = 0;
  onCall: (text: string) => void = () => {};
  /** The switch to register with, as the server says it. */
  onSip: (account: SipAccount | null) => void = () => {};

  /**
   * @param urls of the slots, or of the edge before them: the next is tried when one goes
   * @param address where it comes from, as an edge would say it: of one address there may be so many
   */
  constructor(token: string, urls: readonly string[], origin = "http://localhost:1", address?: string) {
    this.#token = token;
    this.#urls = urls;
    this.#headers = { origin, ...(address !== undefined && { "x-forwarded-for": address }) };
  }

  /** @throws what the server answered, with its `code`; `unavailable` when the socket went before the answer */
  request<Name extends RequestName>(name: Name, params: ParamsInput<Name>): Promise<Record<string, unknown>> {
    return new Promise((resolve, reject) => {
      if (!this.isThere) return reject(Object.assign(new Error("no session at the moment"), { code: "unavailable" }));
      const id = ++this.#lastId;
      this.#waiting.set(id, { resolve, reject });
      this.#socket!.send(JSON.stringify({ type: "request", id, name, params }));
    });
  }

  /** Whether it has its session at the moment. */
  get isThere(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN && this.#awaySince === 0;
  }

  signIn(): Promise<void> {
    return this.#connect("loginWithToken", { token: this.#token });
  }

  close(): void {
    this.#closed = true;
    this.#socket?.terminate();
  }

  #connect(name: string, params: object): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(this.#urls[this.#at]!, { headers: this.#headers, perMessageDeflate: false, skipUTF8Validation: true });
      this.#socket = socket;
      let established = false;
      socket.on("open", () => {
        socket.send(JSON.stringify({ type: "hello", version: protocolVersion, client: "bench" }));
        socket.send(JSON.stringify({ type: "request", id: 1, name, params }));
      });
      socket.on("message", (data) => {
        const text = String(data);
        if (text.startsWith('{"type":"event"')) return this.#event(text);
        if (this.#answer(text)) return;
        if (text.startsWith('{"type":"response"')) {
          this.#resumeToken = /"resumeToken":"([^"]+)"/.exec(text)?.[1] ?? "";
          if (/"replayed":false/.test(text)) this.lost++;
          if (this.#awaySince > 0) this.longestAway = Math.max(this.longestAway, performance.now() - this.#awaySince);
          this.#awaySince = 0;
          established = true;
          this.onSip(accountIn(text));
          resolve();
        } else if (text.startsWith('{"type":"error"')) reject(new Error(text));
      });
      socket.on("error", reject);
      // One that never carried the session is tried again by whoever opened it.
      socket.on("close", () => (established ? this.#onClose(socket) : reject(new Error("closed before it was signed in"))));
    });
  }

  #event(text: string): void {
    const seq = Number(/"seq":(\d+)/.exec(text)?.[1]);
    if (seq <= this.#lastSeq) this.doubled++;
    else if (this.#lastSeq > 0 && seq > this.#lastSeq + 1) this.lost += seq - this.#lastSeq - 1;
    this.#lastSeq = Math.max(this.#lastSeq, seq);
    this.events++;
    if (text.includes('"name":"call"')) this.onCall(text);
    else if (text.includes('"name":"sip"')) this.onSip(accountIn(text));
  }

  /** Whether it was an answer to `request`. */
  #answer(text: string): boolean {
    const id = Number(/^\{"type":"(?:response|error)","id":(\d+)/.exec(text)?.[1]);
    const asked = this.#waiting.get(id);
    if (!asked) return false;
    this.#waiting.delete(id);
    const frame = JSON.parse(text) as { type: string; result: Record<string, unknown>; code: string; message: string };
    if (frame.type === "response") asked.resolve(frame.result);
    else asked.reject(Object.assign(new Error(frame.message), { code: frame.code }));
    return true;
  }

  #onClose(socket: WebSocket): void {
    for (const { reject } of this.#waiting.values()) reject(Object.assign(new Error("the socket went"), { code: "unavailable" }));
    this.#waiting.clear();
    if (this.#closed || socket !== this.#socket || this.#resumeToken === "") return;
    this.#awaySince ||= performance.now();
    this.#at = (this.#at + 1) % this.#urls.length;
    const again = () => {
      if (this.#closed) return;
      this.#connect("resume", { resumeToken: this.#resumeToken, lastSeq: this.#lastSeq, knowsPeople: true }).then(() => { this.resumed++; }, () => {
        this.#at = (this.#at + 1) % this.#urls.length;
        setTimeout(again, 200);
      });
    };
    setTimeout(again, 20 + Math.random() * 100);
  }
}

/** A snapshot has everybody in it: only what is wanted is parsed. */
function accountIn(text: string): SipAccount | null {
  const found = /"sip":(null|\{[^{}]*\})/.exec(text)?.[1];
  return found === undefined ? null : JSON.parse(found) as SipAccount | null;
}
