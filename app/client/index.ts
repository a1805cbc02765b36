/** The browser library: a telephone in a page, behind one object. */
import "./strict-csp.ts";

export type { Call, EndReason, Person, Presence, SipAccount } from "../protocol/wire.ts";
export type { PhoneCallState } from "./call-state.ts";
export { ControlError } from "./control-error.ts";
export type { ControlState, SessionLoss } from "./control.ts";
export { describeEnd } from "./end-reason.ts";
export type { CallDirection, CallEndReason, EndedBy, Ending } from "./end-reason.ts";
export { Houseline } from "./houseline.ts";
export type { EndedCall, HouselineEvents, HouselineOptions, MediaState } from "./houseline.ts";
export { Microphone, MicrophoneError } from "./microphone.ts";
export { PhoneCall } from "./phone-call.ts";
export type { Peer, PhoneCallEvents } from "./phone-call.ts";
export { memoryStore, webStorage } from "./session-store.ts";
export type { SessionStore, StoredSession } from "./session-store.ts";
export { Sounds } from "./sounds.ts";
