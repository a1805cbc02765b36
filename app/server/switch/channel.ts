import { isCallId, userName } from "../../protocol/wire.ts";
import type { SwitchEvent } from "./esl-link.ts";

/** What the headers of a channel event, or of `uuid_dump … json`, say about a leg. Both have the same names. */
export interface Channel {
  uuid: string;
  direction: "inbound" | "outbound";
  /** Whose leg it is: who authenticated, or who was rung. Empty when it is nobody's. */
  user: string;
  /** The account that authenticated, such as `anna~k3f9`; only devices that call have one here. */
  account: string;
  /** The user part of the contact by which the switch reached the device, or the device called. */
  contact: string;
  /** What the leg dialled. */
  destination: string;
  /** Call-ID of its dialog; empty when it is too long to be told of. */
  sipCallId: string;
  /** The leg that rang it, or that it talks to. */
  other: string;
  /** The leg that began the call, as the switch keeps it. */
  origin: string;
  /** Marks of ours (commands.ts). */
  call: string;
  role: string;
  /** Whom a call that a server placed is for. */
  to: string;
  consults: string;
  answered: boolean;
  held: boolean;
  hungUp: boolean;
  /** Milliseconds since the epoch; 0 when the switch didn't say. */
  createdAt: number;
  answeredAt: number;
  cause: string;
  /** The device ended the leg, not the switch. (FreeSWITCH, "sip_hangup_disposition") */
  byDevice: boolean;
  /** How the leg's own attempt to call somebody ended: the far end's cause. */
  disposition: string;
  /** The leg that a bridge joined it with. */
  peer: string;
  muted: boolean;
  /** The account of whoever is missing, while this leg waits for them. */
  missing: string;
}

const text = (value: unknown): string => (typeof value === "string" ? value : Array.isArray(value) && typeof value[0] === "string" ? value[0] : "");
const id = (value: unknown): string => (isCallId(value) ? value : "");
/** Microseconds to milliseconds. */
const time = (value: unknown): number => Math.floor(Number(text(value)) / 1_000) || 0;

/** `anna~k3f9` and `anna@example.com` are anna. */
export function userOf(address: string): string {
  const user = address.split(/[~@]/)[0] ?? "";
  return user !== "" && userName.safeParse(user).success ? user : "";
}

/** Undefined when it names no channel that could be one of ours. */
export function channelOf(event: SwitchEvent): Channel | undefined {
  const uuid = id(event["Unique-ID"]);
  if (uuid === "") return undefined;
  const direction = event["Call-Direction"] === "inbound" ? "inbound" : "outbound";
  const account = direction === "inbound" ? text(event.variable_sip_auth_username) : "";
  const state = text(event["Channel-Call-State"]);
  return {
    uuid, direction, account,
    user: direction === "inbound"
      ? userOf(account)
      : userOf(text(event.variable_houseline_person)) || userOf(text(event["Channel-Presence-ID"])),
    // Of a leg that was transferred since, the number that it dialled is another.
    contact: text(event.variable_sip_contact_user) || (direction === "inbound" ? "" : text(event["Caller-Destination-Number"])),
    destination: text(event["Caller-Destination-Number"]),
    sipCallId: /^\S{1,255}$/.exec(text(event.variable_sip_call_id))?.[0] ?? "",
    other: id(event["Other-Leg-Unique-ID"]),
    origin: id(event["Channel-Call-UUID"]) || id(event.variable_call_uuid),
    call: id(event.variable_houseline_call),
    role: text(event.variable_houseline_role),
    to: text(event.variable_houseline_to),
    consults: id(event.variable_houseline_consults),
    answered: text(event["Answer-State"]) === "answered",
    held: state === "HELD",
    hungUp: text(event["Answer-State"]) === "hangup",
    createdAt: time(event["Caller-Channel-Created-Time"]),
    answeredAt: time(event["Caller-Channel-Answered-Time"]),
    cause: text(event["Hangup-Cause"]),
    byDevice: text(event.variable_sip_hangup_disposition).startsWith("recv_"),
    disposition: text(event.variable_originate_disposition),
    peer: id(event.variable_signal_bond),
    muted: text(event.variable_houseline_muted) === "true",
    missing: /^[a-z][a-z0-9._-]{0,31}~[A-Za-z0-9]{1,40}$/.test(text(event.variable_houseline_missing)) ? text(event.variable_houseline_missing) : "",
  };
}
