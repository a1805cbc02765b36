/** Bounds of the control protocol, in one place: both sides hold them. */

/** Grows only by adding: within a version, requests, events and fields come, and none goes. */
export const protocolVersion = 1;

/** Bounds on what either side accepts; a frame beyond them closes the socket with `closeCodes.tooBig`. */
export const limits = {
  /** Bytes of one frame from a client. */
  frameBytes: 16_384,
  /** Requests of one socket under way at once. */
  requestsInFlight: 32,
  /** Events kept for a session that may come back. */
  replayEvents: 1_000,
  /** Seconds that a session outlives its socket. */
  sessionGraceSeconds: 120,
  /** Sockets of one person at once. */
  socketsPerPerson: 10,
  /** Characters of one message between people. */
  messageCharacters: 4_000,
  /** Rows of one page of history, messages or a search. */
  pageRows: 100,
  /** Favourites of one person. */
  favourites: 200,
  /** People in one call, before it has to be a room of the company's own. */
  participants: 30,
  /** Seconds that the peer of somebody who vanished hears music before the call ends. */
  rescueSeconds: 30,
} as const;

/** WebSocket close codes (RFC 6455, 4000-4999: for applications). */
export const closeCodes = {
  /** The server is going: come back at once, to another release. */
  goingAway: 1001,
  /** A frame was larger than `limits.frameBytes`. */
  tooBig: 1009,
  /** A frame was not JSON, or not of the protocol. */
  badFrame: 4400,
  /** Not signed in within the deadline, or signed out by the server. */
  unauthorized: 4401,
  /** The reader was too slow: the queue to it reached its bound. */
  slowReader: 4408,
  /** The same session was taken over by a newer socket. */
  replaced: 4409,
  /** Too many sockets or requests. */
  tooMany: 4429,
} as const;
