import type { EndReason } from "../../protocol/wire.ts";

/** Names of Q.850 causes as FreeSWITCH writes them in `Hangup-Cause`, and what they mean to people. */
const unanswered: Record<string, EndReason> = {
  ORIGINATOR_CANCEL: "cancelled",
  CALL_REJECTED: "declined",
  USER_BUSY: "busy",
  NO_ANSWER: "no-answer",
  ALLOTTED_TIMEOUT: "no-answer",
  NO_USER_RESPONSE: "no-answer",
  RECOVERY_ON_TIMER_EXPIRE: "no-answer",
  USER_NOT_REGISTERED: "offline",
  SUBSCRIBER_ABSENT: "offline",
  DESTINATION_OUT_OF_ORDER: "offline",
  UNALLOCATED_NUMBER: "unknown-person",
  NO_ROUTE_DESTINATION: "unknown-person",
  INVALID_NUMBER_FORMAT: "unknown-person",
  NORMAL_TEMPORARY_FAILURE: "refused",
  SWITCH_CONGESTION: "refused",
  OUTGOING_CALL_BARRED: "refused",
  NORMAL_CLEARING: "cancelled",
};

/** Causes by which a call that was answered ends in the ordinary way. */
const ordinary = new Set(["NORMAL_CLEARING", "ATTENDED_TRANSFER", "BLIND_TRANSFER", "NONE", "SUCCESS", "ORIGINATOR_CANCEL", "PICKED_OFF", "LOSE_RACE"]);

/** Causes that say that a device is out of reach, which nobody meant. */
const losses = new Set(["MEDIA_TIMEOUT", "RECOVERY_ON_TIMER_EXPIRE", "DESTINATION_OUT_OF_ORDER"]);

/** Why a call ended, from the cause of the leg that decided it. (FreeSWITCH, "Hangup Cause Code Table") */
export function endReasonOf(cause: string, answered: boolean): EndReason {
  if (answered) return ordinary.has(cause) ? "hung-up" : "failed";
  return unanswered[cause] ?? "failed";
}

/** Whether a leg that talked ended because its device was lost. */
export function isLoss(cause: string): boolean {
  return losses.has(cause);
}
