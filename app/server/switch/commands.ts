import type { EndReason } from "../../protocol/wire.ts";
import type { AccountWord, ContactWord, DestinationWord, DigitsWord, DomainWord, ExtensionWord, MemberWord, RoomWord, ShownWord, SpaceWord, UserWord, Uuid } from "./words.ts";

/**
 * Every command that this server gives a switch, as pure functions of checked words (words.ts). There is no other way to make one.
 * (FreeSWITCH, "mod_commands", "mod_conference", "mod_valet_parking", "mod_dptools")
 */
export class EslCommand {
  readonly #line: string;

  private constructor(line: string) {
    // Checked words can't hold one; a fault in this file would.
    if (/[\x00-\x1f\x7f]/.test(line)) throw new Error("An ESL command can't hold a control character.");
    this.#line = line;
  }

  /** For this module alone. */
  static of(...words: string[]): EslCommand {
    return new EslCommand(words.join(" "));
  }

  get line(): string {
    return this.#line;
  }

  /** Its first word, for logs and errors. */
  get name(): string {
    return this.#line.split(" ", 1)[0]!;
  }
}

const command = (...words: string[]) => EslCommand.of(...words);

/** Where a switch has its registrations: of browsers that came by IPv4, and of those that came by IPv6, with whom its media goes by that. */
export const profiles = ["houseline", "houseline6"] as const;
export type Profile = (typeof profiles)[number];

/** Causes that this server hangs up with. (FreeSWITCH, "Hangup Cause Code Table") */
export type HangupCause = "NORMAL_CLEARING" | "CALL_REJECTED" | "USER_BUSY" | "ORIGINATOR_CANCEL" | "LOSE_RACE" | "PICKED_OFF" | "ALLOTTED_TIMEOUT" | "MEDIA_TIMEOUT" | "ATTENDED_TRANSFER";

/** Channel variables that are set on a leg that is there. */
export type Mark =
  | { name: "houseline_parker"; value: UserWord }
  | { name: "houseline_missing"; value: AccountWord | "none" }
  | { name: "park_after_bridge" | "houseline_muted"; value: "true" | "false" };

export const show = {
  channels: command("show", "channels", "as", "json"),
  registrations: (profile: Profile) => command("sofia", "status", "profile", profile, "reg"),
  profiles: command("sofia", "status"),
  conferences: command("conference", "json_list"),
  status: command("status"),
  version: command("version"),
  parked: command("valet_info", "houseline"),
  variable: (name: "core_uuid" | "houseline_draining" | "houseline_mesh" | "private_ip" | "sip_port") => command("global_getvar", name),
} as const;

export const dump = (leg: Uuid) => command("uuid_dump", leg, "json");
/** Drops what the switch keeps of an entry of the directory: an account, a person, an extension, a room. */
export const flush = (entry: DestinationWord | AccountWord, of: DomainWord) => command("xml_flush_cache", "id", entry, of);
/** Has the switch look an entry up, and keep it. */
export const lookUp = (entry: DestinationWord | AccountWord, of: DomainWord) => command("user_data", `${entry}@${of}`, "attr", "id");
export const flushAll = () => command("xml_flush_cache");
export const kill = (leg: Uuid, cause: HangupCause = "NORMAL_CLEARING") => command("uuid_kill", leg, cause);
/**
 * Holds a leg without its device's help: its peer hears music. For devices that can't be asked: the switch reads nothing of such a
 * leg, not even STUN, so that a browser takes it for disconnected after some seconds.
 */
export const hold = (leg: Uuid) => command("uuid_hold", leg);
export const unhold = (leg: Uuid) => command("uuid_hold", "off", leg);
export const bridge = (one: Uuid, other: Uuid) => command("uuid_bridge", one, other);
export const mark = (leg: Uuid, { name, value }: Mark) => command("uuid_setvar", leg, name, value);
/** Tones as if this leg's device had sent them: they reach whoever it talks to, a menu too. */
export const tonesFrom = (leg: Uuid, digits: DigitsWord) => command("uuid_recv_dtmf", leg, digits);
/** What comes from this leg's device is silence for the others. */
export const silence = (leg: Uuid) => command("uuid_audio", leg, "start", "read", "mute", "1");
export const unsilence = (leg: Uuid) => command("uuid_audio", leg, "stop");
export const measureMedia = (leg: Uuid) => command("uuid_set_media_stats", leg);
export const currentApplication = (leg: Uuid) => command("uuid_getvar", leg, "current_application");
export const mediaPackets = (leg: Uuid) => command("uuid_getvar", leg, "rtp_audio_in_packet_count");

/** Sends a leg to another destination; `-bleg` means the one that it talks to. */
export const transfer = (leg: Uuid, to: DestinationWord) => command("uuid_transfer", leg, to, "XML", "default");
/** Parks a leg in a space, or in a free one: the dialplan knows how long it waits there, and what then. */
export const park = (leg: Uuid, space?: SpaceWord) => command("uuid_transfer", leg, space === undefined ? "park" : `park-${space}`, "XML", "default");
/** A leg goes to an application instead of the dialplan; `both`: and the one that it talks to with it. */
export const transferInto = (leg: Uuid, application: Application, both = false) => command("uuid_transfer", leg, ...(both ? ["-both"] : []), inline(application), "inline");

export const conference = {
  mute: (room: RoomWord, who: MemberWord | "all" | "non_moderator") => command("conference", room, "mute", who),
  unmute: (room: RoomWord, who: MemberWord | "all") => command("conference", room, "unmute", who),
  kick: (room: RoomWord, who: MemberWord) => command("conference", room, "kick", who),
  lock: (room: RoomWord) => command("conference", room, "lock"),
  unlock: (room: RoomWord) => command("conference", room, "unlock"),
  play: (room: RoomWord, prompt: "recording-off" | "ending-soon" | "welcome") => command("conference", room, "play", `houseline/${prompt}.wav`),
} as const;

/** What a leg does once it has answered. */
export type Application =
  | { application: "park" }
  | { application: "music" }
  | { application: "conference"; room: RoomWord; flags: readonly ("moderator" | "mute")[] }
  | { application: "eavesdrop"; leg: Uuid }
  | { application: "intercept"; leg: Uuid };

function argument(application: Application): string {
  switch (application.application) {
    case "park": return "";
    case "music": return "local_stream://moh";
    case "conference": return `${application.room}@default${application.flags.length > 0 ? `+flags{${application.flags.join("|")}}` : ""}`;
    case "eavesdrop": case "intercept": return application.leg;
  }
}

/** What plays the music, as the switch names it. */
export const musicApplication = "endless_playback";
const applicationName = ({ application }: Application) => (application === "music" ? musicApplication : application);
const quoted = (text: string) => (text.includes(" ") ? `'${text}'` : text);
const inline = (application: Application) => quoted(argument(application) === "" ? applicationName(application) : `${applicationName(application)}:${argument(application)}`);

export interface Ringing {
  /** The call that the leg belongs to. */
  call: Uuid;
  person: UserWord;
  role: "caller" | "callee" | "added" | "listening" | "whispering" | "barged-in";
  /** The device answers by itself, if it knows the call from its control socket. */
  autoAnswer: boolean;
  /** What the device shows. */
  shown: { name: ShownWord; number: ExtensionWord | UserWord };
  /** What is shown to whom this leg calls in its turn. */
  as?: { name: ShownWord; number: ExtensionWord };
  /** Whom the call is for. */
  to?: DestinationWord;
  /** The call for which this one asks first, in an attended transfer. */
  consults?: Uuid;
  timeoutSeconds: number;
  /** For `eavesdrop`: who hears the supervisor, the leg that is listened to or its peer as well; nobody when left out. */
  whisper?: "leg" | "both";
}

/** A device that is registered, with the id that its leg will have. */
interface Device { leg: Uuid; profile: Profile; contact: ContactWord }

/** Whom to ring: devices by their contacts, or everybody whom the directory finds for a person. */
export type Target = { devices: readonly [Device, ...Device[]] } | { person: UserWord; domain: DomainWord };

/** Rings and connects. It blocks until the answer: for `background` alone. */
export function originate(ringing: Ringing, target: Target, then: Application | { extension: DestinationWord }): EslCommand {
  const seconds = String(Math.min(600, Math.max(1, Math.round(ringing.timeoutSeconds))));
  const variables: Record<string, string> = {
    houseline_call: ringing.call,
    houseline_person: ringing.person,
    houseline_role: ringing.role,
    ...(ringing.to === undefined ? {} : { houseline_to: ringing.to }),
    ...(ringing.consults === undefined ? {} : { houseline_consults: ringing.consults }),
    "sip_h_X-Houseline-Call": ringing.call,
    ...(ringing.autoAnswer ? { sip_auto_answer: "true", "sip_h_X-Houseline-Answer": "auto" } : {}),
    origination_caller_id_name: `'${ringing.shown.name}'`,
    origination_caller_id_number: ringing.shown.number,
    ...(ringing.as === undefined ? {} : { effective_caller_id_name: `'${ringing.as.name}'`, effective_caller_id_number: ringing.as.number }),
    // By these names `bleg` is the leg itself and `aleg` whoever it talks to.
    ...(ringing.whisper === undefined ? {} : { eavesdrop_whisper_bleg: "true", ...(ringing.whisper === "both" ? { eavesdrop_whisper_aleg: "true" } : {}) }),
    ignore_early_media: "true",
    hangup_after_bridge: "true",
    originate_timeout: seconds,
    // As the dialplan has it: a page that vanished may come back within this time.
    media_timeout: "20000",
    media_hold_timeout: "300000",
  };
  const list = Object.entries(variables).map(([name, value]) => `${name}=${value}`).join(",");
  const dialled = "person" in target ? `user/${target.person}@${target.domain}` : target.devices.map(({ leg, profile, contact }) => `[origination_uuid=${leg}]sofia/${profile}/${contact}`).join(",");
  const after = "extension" in then ? [then.extension, "XML", "default"] : [quoted(`&${applicationName(then)}(${argument(then)})`)];
  return command("originate", `{${list}}${dialled}`, ...after);
}

/** An event that this server fires in a switch, for every server that listens there. */
export interface EslNotice { subclass: "houseline::call"; headers: Readonly<Record<string, string>> }

export type NoticeSubject = "rescuing" | "back" | "leaving" | "over" | "muted" | "unmuted";

/** What no channel shows about a call: somebody vanished or came back, why they leave it, that nobody is waited for any more. */
export function notice(call: Uuid, subject: NoticeSubject, person: UserWord, reason?: EndReason): EslNotice {
  return { subclass: "houseline::call", headers: { "Houseline-Call": call, "Houseline-Subject": subject, "Houseline-Person": person, ...(reason === undefined ? {} : { "Houseline-Reason": reason }) } };
}

/** What a device is asked to do with a call, over its control socket; `line`: to register with the switch that has it. */
export type DeviceWish = "answer" | "hold" | "unhold" | "line";

/** Whichever server has this device is to ask it. */
export function askElsewhere(wish: DeviceWish, call: Uuid, person: UserWord, device: Uuid): EslNotice {
  return { subclass: "houseline::call", headers: { "Houseline-Call": call, "Houseline-Subject": wish, "Houseline-Person": person, "Houseline-Device": device } };
}
