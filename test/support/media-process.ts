/** Sends and receives the voices of light agents, in a process of its own: what it measures is the switch, not who measures. */
import { createSocket, type Socket } from "node:dgram";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";

export type Order =
  | { id: number; do: "open"; hz?: number | undefined }
  | { id: number; do: "begin"; stream: number; port: number }
  | { id: number; do: "gap" | "close"; stream: number }
  | { id: number; do: "stalled" };

/** An order's outcome: the stream that was opened and its port, or milliseconds. */
export interface Report { id: number; stream?: number; port?: number; milliseconds?: number }

const frameMs = 20;
/** Samples of a packet, and of a second. */
const frame = 160;
const rate = 8_000;
/** Ports for voices: below every range of a switch. */
const [lowest, beyond] = [10_000, 16_000];
const streams = new Map<number, Stream>();
let nextStream = 1;

/**
 * A port that no switch of the tests may choose: those have theirs where the kernel gives out its own too, and answer 488 to a call whose port somebody else took
 * a moment before. (ports.ts, `rtpBases`)
 */
async function bound(): Promise<Socket> {
  for (let attempt = 0; ; attempt++) {
    const socket = createSocket("udp4");
    try {
      await new Promise<void>((resolve, reject) => socket.once("error", reject).bind({ port: lowest + Math.floor(Math.random() * (beyond - lowest)), address: "127.0.0.1", exclusive: true }, resolve));
      return socket;
    } catch (error) {
      socket.close();
      if (attempt >= 100) throw error;
    }
  }
}

/** Voice of one side in plain RTP (RFC 3550, PCMU), and the longest time in which nothing came. */
class Stream {
  readonly #socket: Socket;
  readonly #packet = Buffer.alloc(12 + frame);
  /** A second of it, which is repeated. */
  readonly #voice: Buffer;
  #timer: NodeJS.Timeout | undefined;
  #last = 0;
  #longest = 0;

  private constructor(socket: Socket, voice: Buffer) {
    this.#socket = socket;
    this.#voice = voice;
    socket.on("message", () => {
      const now = performance.now();
      if (this.#last > 0) this.#longest = Math.max(this.#longest, now - this.#last);
      this.#last = now;
    });
  }

  /** @param hz a tone; without it, a sound that is not silence */
  static async open(hz?: number): Promise<Stream> {
    const socket = await bound();
    return new Stream(socket, hz === undefined ? Buffer.alloc(rate, 0x55) : Buffer.from(Array.from({ length: rate }, (_, n) => pcmu(Math.sin((2 * Math.PI * hz * n) / rate) / 4))));
  }

  get port(): number {
    return this.#socket.address().port;
  }

  begin(port: number): void {
    clearInterval(this.#timer);
    const begun = performance.now();
    let sent = 0;
    this.#packet.writeUInt16BE(0x8000, 0);
    // Catches up when a tick comes late.
    this.#timer = setInterval(() => {
      for (const due = (performance.now() - begun) / frameMs; sent < due; sent++) {
        this.#packet.writeUInt16BE(sent & 0xffff, 2);
        this.#packet.writeUInt32BE((sent * frame) >>> 0, 4);
        this.#voice.copy(this.#packet, 12, (sent * frame) % rate);
        this.#socket.send(this.#packet, port, "127.0.0.1");
      }
    }, frameMs / 2);
  }

  /** Milliseconds of the longest silence since the last look, up to now; counts anew. */
  gap(): number {
    const longest = Math.max(this.#longest, this.#last === 0 ? 1e9 : performance.now() - this.#last);
    this.#longest = 0;
    return Math.round(longest);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#socket.close();
  }
}

/** A sample of -1 to 1 in PCMU. (ITU-T G.711) */
function pcmu(sample: number): number {
  const size = Math.min(Math.abs(Math.round(sample * 8_159)) + 33, 8_191);
  const segment = Math.floor(Math.log2(size)) - 5;
  return ~((sample < 0 ? 0x80 : 0) | (segment << 4) | ((size >> (segment + 1)) & 15)) & 0xff;
}

const delays = monitorEventLoopDelay({ resolution: 5 });
delays.enable();

process.on("disconnect", () => process.exit());
process.on("message", async (order: Order) => {
  const report: Report = { id: order.id };
  if (order.do === "open") {
    const stream = await Stream.open(order.hz);
    streams.set(nextStream, stream);
    Object.assign(report, { stream: nextStream++, port: stream.port });
  } else if (order.do === "stalled") {
    report.milliseconds = Math.round(delays.max / 1e6);
    delays.reset();
  } else {
    const stream = streams.get(order.stream);
    if (order.do === "begin") stream?.begin(order.port);
    else if (order.do === "gap") report.milliseconds = stream?.gap() ?? 1e9;
    else if (streams.delete(order.stream)) stream?.close();
  }
  // Whoever asked may be gone.
  if (process.connected) process.send!(report, undefined, undefined, () => {});
});
