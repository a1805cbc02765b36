/** `signed-out` has no socket at all: the server closes one that does not sign in. */
export type ControlState = "signed-out" | "connecting" | "online" | "reconnecting" | "closed";

/** Why a session is over though nobody signed out. */
export type SessionLoss = "expired" | "replaced" | "version";
