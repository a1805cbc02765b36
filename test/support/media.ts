import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import type { Order, Report } from "./media-process.ts";
import { outsideOfGroup } from "./people-group.ts";

type Without<T> = T extends { id: number } ? Omit<T, "id"> : never;

/** Real time (sched(7)), where that is allowed: a busy machine, not the switch, would be measured otherwise. */
const first = spawnSync("chrt", ["--rr", "1", "true"]).status === 0 ? ["chrt", "--rr", "1"] : [];

/** The process that speaks and listens for light agents. */
export class MediaProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (report: Report) => void>();
  #next = 1;

  constructor() {
    const [program = "", ...words] = outsideOfGroup([...first, process.execPath, "--disable-warning=ExperimentalWarning", join(import.meta.dirname, "media-process.ts")]);
    this.#child = spawn(program, words, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.#child.on("message", (report: Report) => {
      this.#waiting.get(report.id)?.(report);
      this.#waiting.delete(report.id);
    });
  }

  /** @param hz of the tone that it speaks; without it, a sound that is not silence */
  async open(hz?: number): Promise<Media> {
    const { stream = 0, port = 0 } = await this.order({ do: "open", hz });
    return new Media(this, stream, port);
  }

  /** Milliseconds for which the process itself could not run since the last look: no gap of its streams means anything below it. */
  async stalled(): Promise<number> {
    return (await this.order({ do: "stalled" })).milliseconds ?? 0;
  }

  order(order: Without<Order>): Promise<Report> {
    return new Promise((resolve, reject) => {
      if (!this.#child.connected) return reject(new Error("The process of the voices is gone."));
      const id = this.#next++;
      this.#waiting.set(id, resolve);
      this.#child.send({ id, ...order });
    });
  }

  close(): void {
    if (this.#child.connected) this.#child.disconnect();
  }
}

/** One side's voice: plain RTP (RFC 3550, PCMU), sent and counted in the process. */
export class Media {
  readonly #process: MediaProcess;
  readonly #stream: number;
  readonly #port: number;
  /** The switch's port of this call. */
  switchPort = NaN;

  constructor(process: MediaProcess, stream: number, port: number) {
    this.#process = process;
    this.#stream = stream;
    this.#port = port;
  }

  /** Its SDP, as an offer or an answer. */
  sdp(direction: "sendrecv" | "sendonly" = "sendrecv"): string {
    return ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", `m=audio ${this.#port} RTP/AVP 0`, "a=rtpmap:0 PCMU/8000", "a=ptime:20", `a=${direction}`, ""].join("\r\n");
  }

  /** @param body the other side's SDP */
  async begin(body: string): Promise<void> {
    this.switchPort = Number(/^m=audio (\d+)/m.exec(body)?.[1]);
    await this.#process.order({ do: "begin", stream: this.#stream, port: this.switchPort });
  }

  /** Milliseconds of the longest silence since the last look, up to now; counts anew. */
  async longestGap(): Promise<number> {
    return (await this.#process.order({ do: "gap", stream: this.#stream })).milliseconds ?? Infinity;
  }

  async close(): Promise<void> {
    await this.#process.order({ do: "close", stream: this.#stream });
  }
}
