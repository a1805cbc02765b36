import type { Permission } from "./people.ts";
import type { Params, RequestName } from "./requests.ts";

/**
 * The permission that each request needs, beside whatever its call or room decides; null: none but being signed in (and for the first
 * five not even that). Without it the answer is `forbidden`.
 */
export const permissionFor = {
  login: null, loginWithToken: null, resume: null, ping: null, logout: null,
  call: "calls", redial: "calls", answer: "calls", decline: "calls", hangup: "calls", hold: "calls", unhold: "calls", mute: "calls", sendDigits: "calls",
  transfer: "calls", consult: "calls", swap: "calls", completeTransfer: "calls", cancelTransfer: "calls", conference: "calls",
  addParticipant: "calls", removeParticipant: "calls", park: "calls", pickUp: "calls.pickup", moveCall: "calls",
  listCalls: "supervise.see", supervise: "supervise.see", endCall: "supervise.end",
  listRooms: "calls", moderate: "calls",
  setDoNotDisturb: null, setStatus: null, setPreferences: null, setFavourite: null, changePassword: null, searchPeople: null, listDevices: null, signOutDevice: null,
  history: "calls", markHistorySeen: "calls",
  sendMessage: "messages", listMessages: "messages", listConversations: "messages", markMessages: "messages",
} as const satisfies Record<RequestName, Permission | null>;

/** The same with what a request's parameters add: how a supervisor takes part decides, too. */
export function permissionsNeeded(name: RequestName, params: unknown): readonly Permission[] {
  const needed = permissionFor[name];
  if (needed === null) return [];
  return name === "supervise" ? [needed, `supervise.${(params as Params<"supervise">).mode}`] : [needed];
}
