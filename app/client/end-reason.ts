import type { EndReason } from "../protocol/wire.ts";

/**
 * Why a call ended, as the page sees it: the protocol's reasons and those that only this device can know. `moved`: it goes on at another device of
 * this person's; `parked`: this person parked it.
 */
export type CallEndReason = EndReason | "answered-elsewhere" | "moved" | "parked" | "no-microphone" | "connection-lost";

export type EndedBy = "me" | "peer" | "system";

export type CallDirection = "outgoing" | "incoming";

/** What SIP said when the session ended: JsSIP's cause, the status code, the text of a Reason header. */
export interface SipEnd {
  cause: string;
  status?: number | undefined;
  reasonHeader?: string | undefined;
}

const byStatus: Record<number, EndReason> = {
  404: "unknown-person",
  408: "no-answer",
  480: "offline",
  484: "unknown-person",
  486: "busy",
  487: "cancelled",
  503: "refused",
  600: "busy",
  603: "declined",
  604: "unknown-person",
};

/** FreeSWITCH puts its own hang-up cause into the Reason header, more exact than the status code. */
const byText: Record<string, CallEndReason> = {
  ALLOTTED_TIMEOUT: "no-answer",
  CALL_REJECTED: "declined",
  DO_NOT_DISTURB: "do-not-disturb",
  MEDIA_TIMEOUT: "connection-lost",
  NO_ANSWER: "no-answer",
  NO_USER_RESPONSE: "no-answer",
  ORIGINATOR_CANCEL: "cancelled",
  SUBSCRIBER_ABSENT: "offline",
  UNALLOCATED_NUMBER: "unknown-person",
  NO_ROUTE_DESTINATION: "unknown-person",
  USER_BUSY: "busy",
  USER_NOT_REGISTERED: "offline",
};

const byCause: Record<string, CallEndReason> = {
  "Terminated": "hung-up",
  "Canceled": "cancelled",
  "No Answer": "no-answer",
  "Expires": "no-answer",
  "Busy": "busy",
  "Rejected": "refused",
  "Not Found": "unknown-person",
  "Unavailable": "offline",
  "User Denied Media Access": "no-microphone",
  "Connection Error": "connection-lost",
  "Request Timeout": "connection-lost",
  "RTP Timeout": "connection-lost",
};

/** The reason that SIP itself gives; the application server's, which knows both legs, overrides it when it comes. */
export function reasonFromSip({ cause, status, reasonHeader }: SipEnd): CallEndReason {
  const text = /text="([^"]*)"/i.exec(reasonHeader ?? "")?.[1] ?? "";
  const code = /SIP\s*;\s*cause=(\d+)/i.exec(reasonHeader ?? "")?.[1];
  if (cause === "Canceled") return code === "200" || /elsewhere/i.test(text) ? "answered-elsewhere" : "cancelled";
  return byText[text] ?? (status === undefined ? undefined : byStatus[status]) ?? byCause[cause] ?? "failed";
}

export interface Ending {
  reason: CallEndReason;
  by: EndedBy;
  direction: CallDirection;
  /** The other side's name, as people say it. */
  name: string;
  answered: boolean;
}

/** Missed: somebody rang here and nobody here decided about it. */
export function isMissed({ reason, direction, answered, by }: Ending): boolean {
  return direction === "incoming" && !answered && reason !== "answered-elsewhere" && reason !== "moved" && !(reason === "declined" || by === "me");
}
