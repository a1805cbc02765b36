import { WebSocket } from "ws";
import { protocolVersion } from "../../app/protocol/wire.ts";

/** One signed-in socket of the bench: reads no more of a frame than it has to, and comes back when its server goes. */
export class Subscriber {
  readonly #token: string;
  readonly #urls: readonly string[];
  #socket: WebSocket | undefined;
  #resumeToken = "";
  #lastSeq = 0;
  #at = 0;
  #closed = false;
  /** Numbers that came twice or were left out. */
  doubled = 0;
  lost = 0;
  resumed = 0;
  onCall: (text: string) => void = () => {};

  /** @param urls of the slots: the next is tried when one goes */
  constructor(token: string, urls: readonly string[]) {
    this.#token = token;
    this.#urls = urls;
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
      const socket = new WebSocket(this.#urls[this.#at]!, { origin: "http://localhost:1", perMessageDeflate: false, skipUTF8Validation: true });
      this.#socket = socket;
      socket.on("open", () => {
        socket.send(JSON.stringify({ type: "hello", version: protocolVersion, client: "bench" }));
        socket.send(JSON.stringify({ type: "request", id: 1, name, params }));
      });
      socket.on("message", (data) => {
        const text = String(data);
        if (text.startsWith('{"type":"event"')) return this.#event(text);
        if (text.startsWith('{"type":"response"')) {
          this.#resumeToken = /"resumeToken":"([^"]+)"/.exec(text)?.[1] ?? "";
          if (/"replayed":false/.test(text)) this.lost++;
          resolve();
        } else if (text.startsWith('{"type":"error"')) reject(new Error(text));
      });
      socket.on("error", reject);
      socket.on("close", () => this.#onClose(socket));
    });
  }

  #event(text: string): void {
    const seq = Number(/"seq":(\d+)/.exec(text)?.[1]);
    if (seq <= this.#lastSeq) this.doubled++;
    else if (this.#lastSeq > 0 && seq > this.#lastSeq + 1) this.lost += seq - this.#lastSeq - 1;
    this.#lastSeq = Math.max(this.#lastSeq, seq);
    if (text.includes('"name":"call"')) this.onCall(text);
  }

  #onClose(socket: WebSocket): void {
    if (this.#closed || socket !== this.#socket || this.#resumeToken === "") return;
    this.#at = (this.#at + 1) % this.#urls.length;
    const again = () => {
      if (this.#closed) return;
      this.#connect("resume", { resumeToken: this.#resumeToken, lastSeq: this.#lastSeq }).then(() => { this.resumed++; }, () => {
        this.#at = (this.#at + 1) % this.#urls.length;
        setTimeout(again, 200);
      });
    };
    setTimeout(again, 20 + Math.random() * 100);
  }
}
