import { WebSocket } from "ws";
import { protocolVersion, type ServerFrame } from "../../protocol/wire.ts";
import { until } from "./until.ts";

type EventFrame = Extract<ServerFrame, { type: "event" }>;

/** A browser's control socket, frame by frame. */
export class TestClient {
  readonly socket: WebSocket;
  readonly frames: ServerFrame[] = [];
  closed: number | undefined;
  #id = 0;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data) => this.frames.push(JSON.parse(String(data)) as ServerFrame));
    socket.on("close", (code) => { this.closed = code; });
    socket.on("error", () => {});
  }

  /** @param address as the edge would name it */
  static async open(url: string, origin: string, greeting: unknown = { type: "hello", version: protocolVersion, client: "test" }, address = "127.0.0.1"): Promise<TestClient> {
    const client = new TestClient(new WebSocket(url, { origin, headers: { "x-forwarded-for": address } }));
    await new Promise((resolve, reject) => client.socket.on("open", resolve).on("error", reject));
    client.socket.send(typeof greeting === "string" ? greeting : JSON.stringify(greeting));
    return client;
  }

  send(name: string, params: unknown): number {
    this.socket.send(JSON.stringify({ type: "request", id: ++this.#id, name, params }));
    return this.#id;
  }

  /** Asks and waits for the answer; an error is thrown with its code. */
  async ask(name: string, params: unknown = {}): Promise<Record<string, unknown>> {
    const id = this.send(name, params);
    const isAnswer = (frame: ServerFrame) => (frame.type === "response" || frame.type === "error") && frame.id === id;
    await until(() => this.frames.some(isAnswer) || this.closed !== undefined);
    const frame = this.frames.find(isAnswer);
    if (!frame) throw new Error(`the socket was closed with ${this.closed} before '${name}' was answered`);
    if (frame.type === "error") throw Object.assign(new Error(frame.message), { code: frame.code });
    return (frame as { result: Record<string, unknown> }).result;
  }

  events(name: string): EventFrame[] {
    return this.frames.filter((frame) => frame.type === "event").filter((frame) => frame.name === name);
  }

  /** Numbers of the events that have come. */
  get numbers(): number[] {
    return this.frames.flatMap((frame) => (frame.type === "event" ? [frame.seq] : []));
  }

  get lastSeq(): number {
    return Math.max(0, ...this.numbers);
  }

  async closedWith(): Promise<number> {
    await until(() => this.closed !== undefined);
    return this.closed!;
  }
}
