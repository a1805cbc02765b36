import { EventEmitter } from "node:events";
import type { SipAccount } from "../../protocol/wire.ts";
import type { Logger } from "../log.ts";
import * as commands from "./commands.ts";
import { EslRefusal } from "./esl-error.ts";
import { EslLink, type SwitchEvent } from "./esl-link.ts";
import { Registrations, type Registration } from "./registrations.ts";
import * as word from "./words.ts";

/** What this server listens to. */
const events = [
  "CHANNEL_CREATE", "CHANNEL_PROGRESS", "CHANNEL_PROGRESS_MEDIA", "CHANNEL_ANSWER", "CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE", "CHANNEL_HOLD", "CHANNEL_UNHOLD",
  "CHANNEL_HANGUP_COMPLETE", "SHUTDOWN_REQUESTED", "SHUTDOWN",
  "CUSTOM", "sofia::register", "sofia::unregister", "sofia::expire", "conference::maintenance", "valet_parking::info", "houseline::call",
].join(" ");

/** What a switch says it has, in one look. */
export interface SwitchState {
  /** Every channel, by the headers that its events have. */
  channels: SwitchEvent[];
  /** Conferences that are running. */
  conferences: ConferenceState[];
  /** Space and parked leg. */
  parked: { space: number; uuid: string }[];
}

export interface ConferenceState { name: string; locked: boolean; members: { uuid: string; member: number; muted: boolean; moderator: boolean }[] }

interface RemoteSwitchEvents {
  /** It answers, is ready or drains otherwise than before. */
  changed: [];
  /** Everything it has, after each return of the link. */
  state: [state: SwitchState];
  event: [event: SwitchEvent];
  /** A device registered; `known` when it only was refreshed. */
  registered: [registration: Registration, known: boolean];
  unregistered: [registration: Registration];
  /** It can't be asked at the moment; its calls may go on. */
  lost: [];
  /** The program that was there is gone, with every call in it. */
  gone: [];
}

const settleMs = 500;
/** FreeSWITCH lists a channel some hundred milliseconds after it has told of it: one that began during a gap shows in a second look. */
const secondLookMs = 1_500;
/** Milliseconds without any answer after which a switch counts as gone: its host may be. */
const unreachableMs = 10_000;

/** One slot of a switch, followed over ESL. A release is known by its Core-UUID, never by its slot. */
export class RemoteSwitch extends EventEmitter<RemoteSwitchEvents> {
  readonly url: string;
  /** Place of its host in the order in which people are sent to them: 0 comes first. */
  readonly rank: number;
  readonly link: EslLink;
  readonly registrations = new Registrations();
  readonly #log: Logger;
  coreUuid: string | undefined;
  kind: SipAccount["kind"] = "freeswitch";
  /** When the program started, milliseconds since the epoch. */
  startedAt = 0;
  ready = false;
  draining = false;
  /** Where other switches send calls for who is here: the lab switch has no others. */
  meshAddress: string | undefined;
  /** Legs that are known to be here, whether or not the list of channels has them. */
  knownLegs: () => Iterable<string> = () => [];
  /** The program whose calls are known, also while it can't be asked. */
  #followed: string | undefined;
  #settling: NodeJS.Timeout | undefined;
  #secondLook: NodeJS.Timeout | undefined;
  #unreachable: NodeJS.Timeout | undefined;
  /** Events that come while the list of channels is being read: they are newer than it. */
  #waiting: SwitchEvent[] | undefined;

  constructor(host: string, port: number, password: string, url: string, rank: number, log: Logger) {
    super();
    this.url = url;
    this.rank = rank;
    this.#log = log;
    this.link = new EslLink(host, port, password, events);
    this.link.on("up", () => void this.#settle());
    this.link.on("down", (reason) => this.#onDown(reason));
    this.link.on("refused", () => this.#end("nobody listens on its port"));
    this.link.on("event", (event) => this.#onEvent(event));
  }

  start(): void {
    this.link.start();
  }

  close(): void {
    clearTimeout(this.#settling);
    clearTimeout(this.#secondLook);
    clearTimeout(this.#unreachable);
    this.link.close();
  }

  /** Makes the switch ask again about an entry of the directory: an account, a person, an extension, a room. */
  async forget(entry: string, domain: string): Promise<void> {
    if (this.link.up) await this.link.api(commands.flush(entryWord(entry), word.domain(domain)));
  }

  /** Makes the switch know an entry of the directory. */
  async lookUp(entry: string, domain: string): Promise<void> {
    await this.link.api(commands.lookUp(entryWord(entry), word.domain(domain)));
  }

  /** Whether it sends calls to the switch at that address: it looks by itself which are there. (images/freeswitch/conf/dialplan/mesh.xml) */
  async knowsWayTo(meshAddress: string): Promise<boolean> {
    return (await this.#variable("houseline_mesh")).includes(`@${meshAddress}^`);
  }

  /** Learns which program is there and what it is doing, until it is ready to take calls. */
  async #settle(): Promise<void> {
    clearTimeout(this.#settling);
    try {
      const [core, version, status, profiles, draining, privateIp, sipPort] = await Promise.all([
        this.#variable("core_uuid"), this.link.api(commands.show.version), this.link.api(commands.show.status), this.link.api(commands.show.profiles),
        this.#variable("houseline_draining"), this.#variable("private_ip"), this.#variable("sip_port"),
      ]);
      this.coreUuid = core.trim() || undefined;
      if (this.#followed !== undefined && this.#followed !== this.coreUuid) this.#end("another program has taken its place");
      this.#followed = this.coreUuid;
      clearTimeout(this.#unreachable);
      this.kind = version.includes("lab-switch") ? "lab-switch" : "freeswitch";
      this.startedAt = Date.now() - uptimeMs(status);
      this.draining ||= draining.trim() === "true";
      this.meshAddress = sipPort.trim() === "" ? undefined : `${privateIp.trim()}:${sipPort.trim()}`;
      const wasReady = this.ready;
      const ready = /RUNNING/.test(profiles);
      if (!wasReady && ready) {
        await this.link.api(commands.flushAll()).catch(() => undefined);
        await this.#read();
        for (const one of this.registrations.all) this.emit("registered", one, false);
        clearTimeout(this.#secondLook);
        this.#secondLook = setTimeout(() => void this.#read().catch(() => undefined), secondLookMs);
        this.#log.info({ switch: this.url, kind: this.kind, core: this.coreUuid, draining: this.draining }, "switch is ready");
      }
      this.ready = ready;
      if (!this.ready) this.#settling = setTimeout(() => void this.#settle(), settleMs);
      this.emit("changed");
    } catch (error) {
      this.#waiting = undefined;
      if (!this.link.up) return;
      this.#log.warn({ switch: this.url, reason: (error as Error).message }, "switch did not answer as expected");
      this.#settling = setTimeout(() => void this.#settle(), settleMs);
    }
  }

  /** Reads everything, and then takes the events that came meanwhile. */
  async #read(): Promise<void> {
    this.#waiting = [];
    const { link } = this;
    const listed = async (profile: commands.Profile) => ({ profile, list: await (profile === "houseline" ? link.api(commands.show.registrations(profile)) : orNothing(link.api(commands.show.registrations(profile)))) });
    const [channels, registrations, conferences, parked] = await Promise.all([
      link.api(commands.show.channels), Promise.all(commands.profiles.map(listed)), orNothing(link.api(commands.show.conferences)), orNothing(link.api(commands.show.parked)),
    ]);
    this.registrations.replace(registrations);
    const rows = (JSON.parse(channels) as { rows?: { uuid: string }[] }).rows ?? [];
    // One that ended since the list was made can't be dumped; one that it doesn't have yet can.
    const dumps = await Promise.all([...new Set([...rows.map(({ uuid }) => uuid), ...this.knownLegs()])].map((uuid) => orNothing(Promise.resolve().then(() => link.api(commands.dump(word.uuid(uuid)))))));
    this.emit("state", { channels: dumps.map((dump) => parsed<SwitchEvent>(dump)).filter((event) => event !== undefined), conferences: conferencesOf(conferences), parked: parkedOf(parked) });
    const waiting = this.#waiting;
    this.#waiting = undefined;
    for (const event of waiting ?? []) this.#onEvent(event);
  }

  /** A global variable; FreeSWITCH answers `-ERR no reply` for one that is empty or not set. */
  async #variable(name: Parameters<typeof commands.show.variable>[0]): Promise<string> {
    try {
      return await this.link.api(commands.show.variable(name));
    } catch (error) {
      if (error instanceof EslRefusal && error.gone) return "";
      throw error;
    }
  }

  #onDown(reason: string): void {
    this.#log.info({ switch: this.url, core: this.coreUuid, reason }, "link to the switch is lost");
    clearTimeout(this.#settling);
    clearTimeout(this.#secondLook);
    this.ready = false;
    this.draining = false;
    this.coreUuid = undefined;
    this.#waiting = undefined;
    clearTimeout(this.#unreachable);
    this.#unreachable = setTimeout(() => this.#end("it has been out of reach for too long"), unreachableMs);
    this.emit("lost");
    this.emit("changed");
  }

  #end(reason: string): void {
    clearTimeout(this.#unreachable);
    if (this.#followed === undefined) return;
    this.#log.info({ switch: this.url, core: this.#followed, reason }, "switch is gone");
    this.#followed = undefined;
    this.registrations.clear();
    this.emit("gone");
  }

  #onEvent(event: SwitchEvent): void {
    if (event["Event-Name"] === "SHUTDOWN_REQUESTED" || event["Event-Name"] === "SHUTDOWN") {
      if (this.draining) return;
      this.draining = true;
      this.#log.info({ switch: this.url, core: this.coreUuid }, "switch drains");
      this.emit("changed");
    } else if (this.#waiting) this.#waiting.push(event);
    else if (event["Event-Subclass"] === "sofia::register") {
      const put = this.registrations.register(event);
      if (put) this.emit("registered", put.registration, put.known);
    } else if (event["Event-Subclass"] === "sofia::unregister" || event["Event-Subclass"] === "sofia::expire") {
      const gone = this.registrations.unregister(event);
      if (gone) this.emit("unregistered", gone);
    } else this.emit("event", event);
  }
}

/** What a switch doesn't have, it has nothing of. */
async function orNothing(answer: Promise<string>): Promise<string> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof EslRefusal) return "";
    throw error;
  }
}

function parsed<T>(json: string): T | undefined {
  try {
    return JSON.parse(json) as T;
  } catch {
    return undefined;
  }
}

/** `conference json_list`; without a conference FreeSWITCH answers `[]` or a sentence. */
export function conferencesOf(list: string): ConferenceState[] {
  const found = parsed<unknown>(list);
  if (!Array.isArray(found)) return [];
  return (found as { conference_name?: string; locked?: boolean; members?: { uuid?: string; id?: number; flags?: { can_speak?: boolean; is_moderator?: boolean } }[] }[]).map((one) => ({
    name: one.conference_name ?? "", locked: one.locked === true,
    members: (one.members ?? []).flatMap(({ uuid, id, flags }) => (uuid === undefined || id === undefined ? [] : [{ uuid, member: id, muted: flags?.can_speak === false, moderator: flags?.is_moderator === true }])),
  }));
}

/** `valet_info`: `<lot name="houseline"><extension uuid="…">7</extension></lot>` */
export function parkedOf(xml: string): SwitchState["parked"] {
  return [...xml.matchAll(/<extension uuid="([0-9a-f-]{36})"[^>]*>(\d{1,4})<\/extension>/g)].map(([, uuid, space]) => ({ uuid: uuid!, space: Number(space) }));
}

/** `UP 0 years, 0 days, 0 hours, 0 minutes, 3 seconds, 940 milliseconds, …` (the first line of `status`) */
export function uptimeMs(status: string): number {
  const units = { year: 31_536_000_000, day: 86_400_000, hour: 3_600_000, minute: 60_000, second: 1_000, millisecond: 1 };
  let sum = 0;
  for (const [, count, unit] of (status.split("\n")[0] ?? "").matchAll(/(\d+) (year|day|hour|minute|second|millisecond)s?/g)) sum += Number(count) * units[unit as keyof typeof units];
  return sum;
}

const entryWord = (entry: string) => (entry.includes("~") ? word.account(entry) : word.destination(entry));
