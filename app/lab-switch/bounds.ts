/** Everything that the outside can make grow, and how far. One place, so that a reader sees them all. */
export const bounds = {
  /** WebSockets open at once. */
  sockets: 2_000,
  /** Bytes of one SIP message: an offer with many candidates is about 8 KB. */
  sipMessageBytes: 65_536,
  /** Headers of one SIP message. */
  sipHeaders: 100,
  /** Bytes waiting to be sent to one socket, before it is closed as too slow. */
  socketQueueBytes: 1_048_576,
  /** Transactions under way on one socket. */
  transactionsPerSocket: 128,
  /** Messages that one socket may send in a second. */
  messagesPerSecond: 200,
  /** Nonces kept for one socket, and how long each is good for. */
  noncesPerSocket: 8,
  nonceSeconds: 60,
  /** Devices of one person. */
  registrationsPerPerson: 10,
  registrationSeconds: { least: 10, most: 3_600 },
  /** Legs at once, in all and for one person. */
  legs: 2_000,
  legsPerPerson: 20,
  /** Variables that ESL may set on one leg or globally, and bytes of each. */
  variables: 200,
  variableBytes: 4_096,
  /** People kept from the directory, and bytes of one answer. */
  directoryEntries: 10_000,
  directoryBytes: 65_536,
  directoryMs: 1_000,
  /** ESL connections, bytes of one command, bytes waiting for one reader, filters, seconds to authenticate. */
  eslConnections: 32,
  eslCommandBytes: 65_536,
  eslQueueBytes: 8_388_608,
  eslFilters: 100,
  eslAuthSeconds: 10,
  /** RFC 3261 timers B, F and H. */
  transactionSeconds: 32,
  /** How often a WebSocket is asked whether it is alive. */
  pingSeconds: 20,
} as const;
