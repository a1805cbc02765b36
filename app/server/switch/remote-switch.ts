import { EventEmitter } from "node:events";
import type { SipAccount } from "../../protocol/wire.ts";
import type { Logger } from "../log.ts";
import { EslLink, type SwitchEvent } from "./esl-link.ts";

/** What this server listens to. */
const events = [
  "CHANNEL_CREATE", "CHANNEL_PROGRESS", "CHANNEL_ANSWER", "CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE", "CHANNEL_HOLD", "CHANNEL_UNHOLD",
  "CHANNEL_HANGUP_COMPLETE", "SHUTDOWN_REQUESTED", "SHUTDOWN",
].join(" ");

/** A channel as `show channels as json` has it. */
export interface ChannelRow {
  uuid: string; direction: "inbound" | "outbound"; created_epoch: string; cid_num: string; dest: string; callstate: string;
  presence_id: string; call_uuid: string;
  /** FreeSWITCH's own: `sofia/<profile>/<address>`. */
  name?: string;
}

interface RemoteSwitchEvents {
  /** It answers, is ready or drains otherwise than before. */
  changed: [];
  /** Every channel it has, after each return of the link. */
  channels: [rows: ChannelRow[]];
  event: [event: SwitchEvent];
  /** It is gone, with every call in it, or out of reach. */
  lost: [];
}

const settleMs = 500;

/** One slot of a switch, followed over ESL. A release is known by its Core-UUID, never by its slot. */
export class RemoteSwitch extends EventEmitter<RemoteSwitchEvents> {
  readonly url: string;
  readonly link: EslLink;
  readonly #log: Logger;
  coreUuid: string | undefined;
  kind: SipAccount["kind"] = "freeswitch";
  /** When the program started, milliseconds since the epoch. */
  startedAt = 0;
  ready = false;
  draining = false;
  #settling: NodeJS.Timeout | undefined;

  constructor(host: string, port: number, password: string, url: string, log: Logger) {
    super();
    this.url = url;
    this.#log = log;
    this.link = new EslLink(host, port, password, events);
    this.link.on("up", () => void this.#settle());
    this.link.on("down", (reason) => this.#onDown(reason));
    this.link.on("event", (event) => this.#onEvent(event));
  }

  start(): void {
    this.link.start();
  }

  close(): void {
    clearTimeout(this.#settling);
    this.link.close();
  }

  /** Makes the switch ask again about a person or an account. */
  async forget(user: string, domain: string): Promise<void> {
    if (this.link.up) await this.link.api("xml_flush_cache", "id", user, domain);
  }

  /** Learns which program is there and what it is doing, until it is ready to take calls. */
  async #settle(): Promise<void> {
    clearTimeout(this.#settling);
    try {
      const [core, version, status, profiles, draining] = await Promise.all([
        this.#variable("core_uuid"), this.link.api("version"), this.link.api("status"), this.link.api("sofia", "status"),
        this.#variable("houseline_draining"),
      ]);
      this.coreUuid = core.trim() || undefined;
      this.kind = version.includes("lab-switch") ? "lab-switch" : "freeswitch";
      this.startedAt = Date.now() - uptimeMs(status);
      this.draining ||= draining.trim() === "true";
      const wasReady = this.ready;
      this.ready = /RUNNING/.test(profiles);
      if (!wasReady && this.ready) {
        this.#log.info({ switch: this.url, kind: this.kind, core: this.coreUuid, draining: this.draining }, "switch is ready");
        await this.link.api("xml_flush_cache").catch(() => undefined);
        const list = JSON.parse(await this.link.api("show", "channels", "as", "json")) as { rows?: ChannelRow[] };
        this.emit("channels", list.rows ?? []);
      }
      if (!this.ready) this.#settling = setTimeout(() => void this.#settle(), settleMs);
      this.emit("changed");
    } catch (error) {
      if (!this.link.up) return;
      this.#log.warn({ switch: this.url, reason: (error as Error).message }, "switch did not answer as expected");
      this.#settling = setTimeout(() => void this.#settle(), settleMs);
    }
  }

  /** A global variable; FreeSWITCH answers `-ERR no reply` for one that is empty or not set. */
  async #variable(name: string): Promise<string> {
    try {
      return await this.link.api("global_getvar", name);
    } catch (error) {
      if (/no reply/.test((error as Error).message)) return "";
      throw error;
    }
  }

  #onDown(reason: string): void {
    this.#log.info({ switch: this.url, core: this.coreUuid, reason }, "switch is gone");
    clearTimeout(this.#settling);
    this.ready = false;
    this.draining = false;
    this.coreUuid = undefined;
    this.emit("lost");
    this.emit("changed");
  }

  #onEvent(event: SwitchEvent): void {
    if (event["Event-Name"] === "SHUTDOWN_REQUESTED" || event["Event-Name"] === "SHUTDOWN") {
      if (this.draining) return;
      this.draining = true;
      this.#log.info({ switch: this.url, core: this.coreUuid }, "switch drains");
      this.emit("changed");
    } else this.emit("event", event);
  }
}

/** `UP 0 years, 0 days, 0 hours, 0 minutes, 3 seconds, 940 milliseconds, …` (the first line of `status`) */
export function uptimeMs(status: string): number {
  const units = { year: 31_536_000_000, day: 86_400_000, hour: 3_600_000, minute: 60_000, second: 1_000, millisecond: 1 };
  let sum = 0;
  for (const [, count, unit] of (status.split("\n")[0] ?? "").matchAll(/(\d+) (year|day|hour|minute|second|millisecond)s?/g)) sum += Number(count) * units[unit as keyof typeof units];
  return sum;
}
