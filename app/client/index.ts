/** The browser library: a telephone in a page, behind one object. */
import "./strict-csp.ts";

export type {
  Availability, Call, DeliveryState, Device, EndReason, HistoryEntry, Message, Moderation, Participant, Party, Permission, Person, Presence, Profile, Room, SipAccount, Supervision,
} from "../protocol/wire.ts";
export { AudioDevices } from "./audio-devices.ts";
export type { AudioDevice } from "./audio-devices.ts";
export type { PhoneCallEvents } from "./call-commands.ts";
export type { PhoneCallState, Side } from "./call-state.ts";
export { ControlError } from "./control-error.ts";
export type { ControlState, SessionLoss } from "./control-state.ts";
export { Devices } from "./devices.ts";
export type { CallDirection, CallEndReason, EndedBy, Ending } from "./end-reason.ts";
export { describeEnd } from "./end-sentence.ts";
export type { Language } from "./end-sentence.ts";
export type { EndedCall } from "./ended-call.ts";
export { History } from "./history.ts";
export { Houseline } from "./houseline.ts";
export type { HouselineEvents, HouselineOptions } from "./houseline.ts";
export { Messages } from "./messages.ts";
export type { Conversation, ThreadMessage } from "./messages.ts";
export { Microphone, MicrophoneError } from "./microphone.ts";
export { People } from "./people.ts";
export { PhoneCall } from "./phone-call.ts";
export type { Peer } from "./phone-call.ts";
export type { MediaState } from "./registration.ts";
export { Rooms } from "./rooms.ts";
export { memoryStore, webStorage } from "./session-store.ts";
export type { SessionStore, StoredSession } from "./session-store.ts";
export { Sounds } from "./sounds.ts";
export { Supervisor } from "./supervisor.ts";
