import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rtpPorts, slots } from "../../pulumi/port-ranges.ts";

/** When packets passed one of the switch's ports, in milliseconds of the kernel's clock; `spoke`: those that went and were not silent. */
interface Port { came: number[]; went: number[]; spoke: number[] }

/** PCMU's silence is 0xff, and 0x7f from below. (ITU-T G.711) */
const quiet = 0x70;

/**
 * What passes between a switch and its people, with the kernel's time of each packet (tcpdump, on the loopback device). Who
 * listens may have to wait for a processor that the whole company of a scene shares: what it heard late was not late here.
 */
export class Wire {
  readonly #directory: string;
  readonly #child: ChildProcess;
  readonly #said: () => string;

  private constructor(directory: string, child: ChildProcess, said: () => string) {
    this.#directory = directory;
    this.#child = child;
    this.#said = said;
  }

  /** @param rtp where the stack's range of RTP ports begins */
  static async listen(rtp: number): Promise<Wire> {
    const directory = await mkdtemp(join(tmpdir(), "houseline-wire-"));
    const range = `udp portrange ${rtp}-${rtp + rtpPorts * slots - 1}`;
    // 128 bytes have all headers; what is not written yet waits in 32 MiB.
    const child = spawn("tcpdump", ["-i", "lo", "-n", "-s", "128", "-B", "32768", "-Z", "root", "-w", join(directory, "pcap"), range], { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    await new Promise<void>((resolve, reject) => {
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        if (said.includes("listening on")) resolve();
      });
      child.on("error", reject).on("exit", (code) => reject(new Error(`tcpdump ended with ${code}: ${said}`)));
    });
    return new Wire(directory, child, () => said);
  }

  /** Ends it. */
  async heard(): Promise<Packets> {
    const ended = new Promise((resolve) => this.#child.on("close", resolve));
    this.#child.kill("SIGINT");
    await ended;
    try {
      const [, dropped] = /(\d+) packets dropped by kernel/.exec(this.#said()) ?? [];
      if (dropped !== "0") throw new Error(`tcpdump missed packets: ${this.#said()}`);
      return new Packets(await readFile(join(this.#directory, "pcap")));
    } finally {
      await rm(this.#directory, { recursive: true, force: true });
    }
  }
}

export class Packets {
  readonly #ports = new Map<number, Port>();
  #first = Infinity;
  #last = 0;

  /** @param file as tcpdump writes it: of Ethernet frames, in this machine's order of bytes, to the microsecond (draft-ietf-opsawg-pcap) */
  constructor(file: Buffer) {
    if (file.readUInt32LE(0) !== 0xa1b2c3d4 || file.readUInt32LE(20) !== 1) throw new Error("This is no file of tcpdump's with Ethernet frames.");
    for (let at = 24; at + 16 <= file.length;) {
      const captured = file.readUInt32LE(at + 8);
      const frame = file.subarray(at + 16, at + 16 + captured);
      // An interrupted tcpdump may leave half of the last one.
      if (frame.length === captured) this.#take(file.readUInt32LE(at) * 1_000 + file.readUInt32LE(at + 4) / 1_000, frame);
      at += 16 + captured;
    }
  }

  /**
   * The longest, in milliseconds, for which the switch kept a voice that had come at one port before it sent on at another:
   * what whoever spoke left out is not the switch's.
   */
  kept(from: number, to: number): number {
    const { came = [] } = this.#ports.get(from) ?? {};
    const { went = [] } = this.#ports.get(to) ?? {};
    let [longest, next] = [0, 0];
    for (const time of came) {
      while (next < went.length && went[next]! < time) next++;
      longest = Math.max(longest, (went[next] ?? this.#last) - time);
    }
    return came.length === 0 ? Infinity : Math.round(longest);
  }

  /** The longest, in milliseconds, in which nothing came at a port: whoever speaks there was silent or stood still. */
  pause(port: number): number {
    return this.#longest(this.#ports.get(port)?.came);
  }

  /** The longest, in milliseconds, in which the switch sent nothing from a port: of music, which it makes itself, and which has rests. */
  nothing(port: number): number {
    return this.#longest(this.#ports.get(port)?.went);
  }

  /** The same of anything but silence, for a leg of PCMU. */
  silence(port: number): number {
    return this.#longest(this.#ports.get(port)?.spoke);
  }

  #longest(times: readonly number[] = []): number {
    let [longest, before] = [0, this.#first];
    for (const time of [...times, this.#last]) {
      longest = Math.max(longest, time - before);
      before = time;
    }
    return times.length === 0 ? Infinity : Math.round(longest);
  }

  #take(time: number, frame: Buffer): void {
    const isIp6 = frame.readUInt16BE(12) === 0x86dd;
    const udp = 14 + (isIp6 ? 40 : (frame[14]! & 15) * 4);
    // RTP, and neither STUN nor DTLS nor RTCP (RFC 7983, RFC 5761).
    if (frame.length < udp + 20 || frame[udp + 8]! >> 6 !== 2 || (frame[udp + 9]! >= 192 && frame[udp + 9]! <= 223)) return;
    this.#first = Math.min(this.#first, time);
    this.#last = Math.max(this.#last, time);
    const from = this.#port(frame.readUInt16BE(udp));
    from.went.push(time);
    if ((frame[udp + 9]! & 0x7f) === 0 && frame.subarray(udp + 20).some((byte) => (byte & 0x7f) < quiet)) from.spoke.push(time);
    this.#port(frame.readUInt16BE(udp + 2)).came.push(time);
  }

  #port(number: number): Port {
    const known = this.#ports.get(number) ?? { came: [], went: [], spoke: [] };
    this.#ports.set(number, known);
    return known;
  }
}
