import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SwitchEvent } from "../../app/server/switch/esl-link.ts";

/** A channel as `show channels as json` has it. */
export interface ChannelRow { uuid: string; direction: "inbound" | "outbound"; created_epoch: string; cid_num: string; dest: string; callstate: string; presence_id: string; call_uuid: string }

const recordings = join(import.meta.dirname, "../fixtures/esl");

/** Every header that the application server reads of an event (a test compares this with its source). */
export const relied = [
  "Event-Name", "Unique-ID", "Call-Direction", "Caller-Destination-Number", "Channel-Presence-ID", "Other-Leg-Unique-ID", "Hangup-Cause",
  "variable_sip_auth_username", "variable_originate_disposition",
  "variable_sip_call_id", "variable_sip_contact_user",
] as const;

/** Headers of what the lab switch doesn't have: conferences, parking, marks of legs that a server originates, rescues, a profile for each family of addresses. */
export const freeSwitchAlone = [
  "Event-Subclass", "Event-Date-Timestamp", "Action", "Conference-Name", "Member-ID", "Member-Type", "Speak", "Valet-Extension", "Houseline-Call", "Houseline-Subject", "Houseline-Person",
  "Houseline-Reason", "Houseline-Device", "variable_houseline_call", "variable_houseline_person", "variable_houseline_role", "variable_houseline_to", "variable_houseline_consults",
  "variable_houseline_missing", "variable_houseline_muted", "variable_signal_bond", "variable_sip_hangup_disposition", "variable_call_uuid",
  "Channel-Call-State", "Channel-Call-UUID", "Answer-State", "Caller-Channel-Created-Time", "Caller-Channel-Answered-Time", "profile-name",
] as const;

/** Of what a command in the background has come to, which is no event of a call: both switches send it, with the id that they were given. */
export const ofJobs = ["Job-UUID"] as const;

/** Beyond that, what else of the core's headers is held equal. */
const kept = ["Answer-State", "DTMF-Digit", "DTMF-Source"];
/** Of the registrar's own events. */
const ofRegistrar = ["from-user", "username"];

export function readRecording(name: string): SwitchEvent[] {
  return readFileSync(join(recordings, `${name}.jsonl`), "utf8").trim().split("\n").map((line) => JSON.parse(line) as SwitchEvent);
}

/** What FreeSWITCH, with our configuration, told of a scene (test/support/scenes.ts). */
export function readScene(name: string): SwitchEvent[] {
  return readRecording(`scenes/${name}`);
}

export function writeScene(name: string, events: readonly SwitchEvent[]): void {
  writeFileSync(join(recordings, "scenes", `${name}.jsonl`), events.map((event) => `${JSON.stringify(reduced(event))}\n`).join(""));
}

/** An event with the headers that matter here, for a file. */
function reduced(event: SwitchEvent): SwitchEvent {
  const wanted = new Set<string>([...relied, ...kept, ...ofRegistrar, "Event-Subclass", "Core-UUID"]);
  return Object.fromEntries(Object.entries(event).filter(([name]) => wanted.has(name)));
}

/**
 * What events mean, whatever switch sent them: by leg, in the order of each leg, with ids named after the order in which
 * legs came up, and accounts and addresses by the person that they stand for.
 *
 * @param names what else people are called in these events: extensions
 */
export function meaning(events: readonly SwitchEvent[], names: Readonly<Record<string, string>> = {}): Record<string, Record<string, string>[]> {
  const legs = new Map<string, string>();
  for (const event of events) {
    if (event["Event-Name"] === "CHANNEL_CREATE") legs.set(String(event["Unique-ID"]), `leg ${legs.size + 1}`);
  }
  const found: Record<string, Record<string, string>[]> = {};
  for (const event of events) {
    // Whether the switch lets the caller hear a tone of its own, or the browser makes one, is the dialplan's choice.
    if (event["Event-Name"] === "CHANNEL_PROGRESS" && event["Call-Direction"] === "inbound") continue;
    // Registrations come and go at their own pace beside a call.
    if (event["Event-Name"] === "CUSTOM" && legs.size > 0) continue;
    const leg = legs.get(String(event["Unique-ID"])) ?? "no leg";
    (found[leg] ??= []).push(meant(event, legs, names));
  }
  return found;
}

/** What the application server takes from a list of channels, the calling leg first. */
export function rowsMeaning(rows: readonly ChannelRow[]): Record<string, string | boolean>[] {
  const caller = rows.find(({ direction }) => direction === "inbound");
  return [...rows].sort((one, other) => one.direction.localeCompare(other.direction)).map(({ uuid, direction, created_epoch, dest, callstate, presence_id, call_uuid }) => ({
    direction, callstate, hasUuid: /^[\da-f-]{36}$/.test(uuid), isRecent: Math.abs(Number(created_epoch) * 1_000 - Date.now()) < 60_000, inCallOfCaller: call_uuid === caller?.uuid,
    person: personOf(presence_id), ...(direction === "inbound" ? { dest } : {}),
  }));
}

export const talkingRows = [
  { direction: "inbound", callstate: "ACTIVE", hasUuid: true, isRecent: true, inCallOfCaller: true, person: "anna", dest: "boris" },
  { direction: "outbound", callstate: "ACTIVE", hasUuid: true, isRecent: true, inCallOfCaller: true, person: "boris" },
];

function meant(event: SwitchEvent, legs: ReadonlyMap<string, string>, names: Readonly<Record<string, string>>): Record<string, string> {
  const text = (name: string) => (event[name] === undefined ? "absent" : String(event[name]));
  const name = text("Event-Name");
  if (name === "CUSTOM") return { event: text("Event-Subclass"), ...Object.fromEntries(ofRegistrar.map((header) => [header, personOf(text(header))])) };
  const dialled = (header: string) => names[text(header)] ?? text(header);
  const inbound = text("Call-Direction") === "inbound";
  return {
    "event": name,
    "Call-Direction": text("Call-Direction"),
    // While two legs part it depends on who hung up, and nobody reads it.
    ...(name === "CHANNEL_UNBRIDGE" ? {} : { "Answer-State": text("Answer-State") }),
    // Of a called device it is the user part of its contact, which says nothing.
    ...(inbound ? { "Caller-Destination-Number": dialled("Caller-Destination-Number") } : {}),
    ...(inbound && name === "CHANNEL_CREATE" ? {
      "variable_sip_auth_username": personOf(text("variable_sip_auth_username")),
      // Each device chooses its own.
      ...Object.fromEntries(["variable_sip_call_id", "variable_sip_contact_user"].map((header) => [header, text(header) === "absent" ? "absent" : "there"])),
    } : {}),
    ...(inbound ? {} : { "Channel-Presence-ID": personOf(text("Channel-Presence-ID")) }),
    ...(name === "CHANNEL_CREATE" || name === "CHANNEL_BRIDGE" ? { "Other-Leg-Unique-ID": legs.get(text("Other-Leg-Unique-ID")) ?? text("Other-Leg-Unique-ID") } : {}),
    ...(name === "CHANNEL_HANGUP_COMPLETE" ? { "Hangup-Cause": text("Hangup-Cause"), "variable_originate_disposition": text("variable_originate_disposition") } : {}),
    ...(name === "DTMF" ? { "DTMF-Digit": text("DTMF-Digit"), "DTMF-Source": text("DTMF-Source") } : {}),
  };
}

/** `anna~1`, `anna@example.com` and `anna` are anna. */
function personOf(address: string): string {
  return address.split(/[~@]/)[0]!;
}
