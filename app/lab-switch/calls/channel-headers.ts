import { q850Of } from "../causes.ts";
import { localStamp } from "../events.ts";
import type { Leg } from "./leg.ts";

/** The headers of a channel event, as mod_event_socket writes them (FreeSWITCH, "Event List"). */
export function channelHeaders(leg: Leg, domain: string): Record<string, string> {
  const other = leg.peer ?? leg.originator;
  return {
    "Channel-State": leg.ended ? "CS_HANGUP" : "CS_EXECUTE",
    "Channel-Call-State": callState(leg),
    "Channel-Name": nameOf(leg, domain),
    "Unique-ID": leg.uuid,
    "Call-Direction": leg.direction,
    "Channel-Presence-ID": `${leg.person}@${domain}`,
    "Channel-Call-UUID": leg.originator?.uuid ?? leg.uuid,
    "Answer-State": leg.ended ? "hangup" : leg.state,
    ...(leg.cause === undefined ? {} : { "Hangup-Cause": leg.cause, "variable_hangup_cause": leg.cause, "variable_hangup_cause_q850": String(q850Of(leg.cause)) }),
    "Caller-Direction": leg.direction,
    "Caller-Username": leg.callerNumber,
    "Caller-Caller-ID-Name": leg.callerName,
    "Caller-Caller-ID-Number": leg.callerNumber,
    "Caller-Destination-Number": leg.destination,
    "Caller-Unique-ID": leg.uuid,
    "Caller-Context": "default",
    "Caller-Channel-Name": nameOf(leg, domain),
    "Caller-Channel-Created-Time": String(leg.createdUs),
    "Caller-Channel-Answered-Time": String(leg.answeredUs),
    "Caller-Channel-Hangup-Time": String(leg.endedUs),
    ...(other === undefined ? {} : { "Other-Type": leg.peer ? "originatee" : "originator", "Other-Leg-Unique-ID": other.uuid, "Other-Leg-Direction": other.direction, "Other-Leg-Destination-Number": other.destination }),
    "variable_direction": leg.direction,
    "variable_uuid": leg.uuid,
    "variable_sip_call_id": leg.callId,
    "variable_sip_contact_user": leg.contactUser,
    ...(leg.direction === "inbound"
      ? { "variable_sip_auth_username": leg.authName, "variable_sip-force-user": leg.person, "variable_user_name": leg.authName }
      : {}),
    ...(leg.dialled === undefined ? {} : { "variable_dialed_user": leg.dialled, "variable_dialed_domain": domain }),
    ...(leg.disposition === "" ? {} : { "variable_originate_disposition": leg.disposition }),
    ...Object.fromEntries([...leg.variables].map(([name, value]) => [`variable_${name}`, value])),
  };
}

/** A row of `show channels as json`. */
export function channelRow(leg: Leg, domain: string): Record<string, string> {
  return {
    uuid: leg.uuid, direction: leg.direction, created: localStamp(leg.createdUs), created_epoch: String(Math.floor(leg.createdUs / 1e6)),
    name: nameOf(leg, domain), state: "CS_EXECUTE", cid_name: leg.callerName, cid_num: leg.callerNumber, ip_addr: leg.socket.ip, dest: leg.destination,
    application: "", application_data: "", dialplan: "XML", context: "default", presence_id: `${leg.person}@${domain}`,
    callstate: callState(leg), call_uuid: leg.originator?.uuid ?? leg.uuid,
  };
}

const nameOf = (leg: Leg, domain: string) => `sofia/houseline/${leg.person}@${domain}`;

function callState(leg: Leg): string {
  if (leg.ended) return "HANGUP";
  if (leg.state === "ringing") return "RINGING";
  return leg.held ? "HELD" : "ACTIVE";
}
