/** Q.850 cause names and numbers as FreeSWITCH uses them (numbers above 500 are its own), with the SIP status each is told as. */
const causes = {
  UNALLOCATED_NUMBER: { q850: 1, status: 404 },
  NO_ROUTE_DESTINATION: { q850: 3, status: 404 },
  NORMAL_CLEARING: { q850: 16, status: 480 },
  USER_BUSY: { q850: 17, status: 486 },
  NO_USER_RESPONSE: { q850: 18, status: 408 },
  NO_ANSWER: { q850: 19, status: 480 },
  CALL_REJECTED: { q850: 21, status: 603 },
  NUMBER_CHANGED: { q850: 22, status: 410 },
  DESTINATION_OUT_OF_ORDER: { q850: 27, status: 502 },
  INVALID_NUMBER_FORMAT: { q850: 28, status: 484 },
  NORMAL_UNSPECIFIED: { q850: 31, status: 480 },
  NORMAL_TEMPORARY_FAILURE: { q850: 41, status: 503 },
  SWITCH_CONGESTION: { q850: 42, status: 503 },
  SERVICE_NOT_IMPLEMENTED: { q850: 79, status: 501 },
  INCOMPATIBLE_DESTINATION: { q850: 88, status: 488 },
  RECOVERY_ON_TIMER_EXPIRE: { q850: 102, status: 504 },
  INTERWORKING: { q850: 127, status: 480 },
  ORIGINATOR_CANCEL: { q850: 487, status: 487 },
  LOSE_RACE: { q850: 502, status: 480 },
  MANAGER_REQUEST: { q850: 503, status: 480 },
  BLIND_TRANSFER: { q850: 600, status: 480 },
  ATTENDED_TRANSFER: { q850: 601, status: 480 },
  ALLOTTED_TIMEOUT: { q850: 602, status: 480 },
  MEDIA_TIMEOUT: { q850: 604, status: 480 },
  USER_NOT_REGISTERED: { q850: 606, status: 480 },
} as const;

export type Cause = keyof typeof causes;

export function isCause(name: string): name is Cause {
  return Object.hasOwn(causes, name);
}

export function statusOf(cause: Cause): number {
  return causes[cause].status;
}

/** The number that FreeSWITCH writes in `hangup_cause_q850`: its own causes count as normal clearing. */
export function q850Of(cause: Cause): number {
  const number = causes[cause].q850;
  return number > 127 ? 16 : number;
}

/** `Reason` header (RFC 3326) of a refusal or BYE. */
export function reasonHeader(cause: Cause): string {
  const number = causes[cause].q850;
  if (cause === "LOSE_RACE") return 'SIP;cause=200;text="Call completed elsewhere"';
  if (cause === "USER_NOT_REGISTERED") return 'SIP;cause=806;text="USER_NOT_REGISTERED"';
  return number > 127 ? `SIP;cause=${causes[cause].status};text="${cause}"` : `Q.850;cause=${number};text="${cause}"`;
}

const byStatus: Record<number, Cause> = {
  401: "CALL_REJECTED", 402: "CALL_REJECTED", 403: "CALL_REJECTED", 407: "CALL_REJECTED", 603: "CALL_REJECTED", 607: "CALL_REJECTED",
  404: "UNALLOCATED_NUMBER", 485: "NO_ROUTE_DESTINATION", 604: "NO_ROUTE_DESTINATION",
  408: "RECOVERY_ON_TIMER_EXPIRE", 504: "RECOVERY_ON_TIMER_EXPIRE", 410: "NUMBER_CHANGED", 480: "NO_USER_RESPONSE",
  400: "NORMAL_TEMPORARY_FAILURE", 481: "NORMAL_TEMPORARY_FAILURE", 500: "NORMAL_TEMPORARY_FAILURE", 503: "NORMAL_TEMPORARY_FAILURE",
  486: "USER_BUSY", 600: "USER_BUSY", 484: "INVALID_NUMBER_FORMAT", 488: "INCOMPATIBLE_DESTINATION", 606: "INCOMPATIBLE_DESTINATION",
  501: "SERVICE_NOT_IMPLEMENTED", 487: "ORIGINATOR_CANCEL",
};

/** Why a leg that answered an INVITE with `status` is over. */
export function causeOf(status: number): Cause {
  return byStatus[status] ?? "NORMAL_UNSPECIFIED";
}

/** Of several devices that all refused, the answer that says most about the person. */
const telling: Cause[] = ["CALL_REJECTED", "USER_BUSY", "NO_ANSWER", "NO_USER_RESPONSE", "INCOMPATIBLE_DESTINATION", "USER_NOT_REGISTERED"];

export function mostTelling(all: Cause[]): Cause {
  return telling.find((cause) => all.includes(cause)) ?? all[0] ?? "NORMAL_UNSPECIFIED";
}
