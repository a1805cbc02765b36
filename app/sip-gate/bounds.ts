/** What the gate takes, in one place (docs/limits.md). */
export const bounds = {
  /** Bytes of one SIP message, as RFC 3261 section 18.1.1 allows UDP to carry. */
  messageBytes: 65_536,
  /** WebSockets at once. */
  connections: 10_000,
  /** WebSockets of one address: an office behind one. */
  connectionsOfAddress: 1_000,
  /** Those of one address that have not proved who they are, and one more for each that has. */
  strangersOfAddress: 300,
  /** Milliseconds in which somebody has to prove who they are. */
  strangerMs: 60_000,
  /** Milliseconds for the switch to take a WebSocket. */
  openMs: 5_000,
  /** Messages of one WebSocket at once, then one every so many milliseconds; what is beyond waits. */
  messageBurst: 100,
  messageEveryMs: 20,
  /** Messages that wait: as many as one read of the socket can bring. */
  messagesWaiting: 2_000,
  /** Wrong passwords of one address at once, then one every so many milliseconds. */
  guessesOfAddress: 30,
  addressGuessEveryMs: 2_000,
  /** The same for one auth name. */
  guessesOfName: 5,
  nameGuessEveryMs: 12_000,
  /** Bytes that wait for a browser that doesn't read. */
  queuedBytes: 1 << 20,
  /** Bytes that wait for the switch, before the browser has to wait. */
  switchQueuedBytes: 256 << 10,
  /** Milliseconds between two pings; a browser that answered none is cut off. */
  heartbeatMs: 25_000,
  /** Calls of one WebSocket that are known to be set up at once. */
  setUps: 32,
  /** Milliseconds without a message after which nothing is under way on a WebSocket, once no call is being set up. */
  quietMs: 300,
  /** Milliseconds before an edge that goes says its first goodbye: who is about to get another switch, which is replaced with it, would come back here for nothing. */
  settleMs: 4_000,
  /** Milliseconds for everybody to leave an edge that goes, where nothing holds them: a crowd comes back a little spread. */
  leaveMs: 3_000,
  /** Milliseconds after which who is still there is cut off: longer than a call rings. */
  drainMs: 120_000,
} as const;
