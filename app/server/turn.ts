import { createHmac } from "node:crypto";
import type { TurnServer } from "../protocol/wire.ts";
import type { TurnConfig } from "./config.ts";
import type { Session } from "./sessions/session.ts";

/** How long a credential is good. A relay that was allocated with it stays until its call ends. */
const lifetimeMs = 7_200_000;
/** Each session is told a new one once in this time: whoever misses one has another before theirs ends. */
const renewalMs = 3_600_000;
/** Not all at once: a part of them each time. */
const stepMs = 30_000;

/**
 * Credentials of the stack's relay, which keeps no list of people: it knows by the secret that this server has made them. ("A REST API For
 * Access To TURN Services", draft-uberti-behave-turn-rest-00)
 */
export class Turn {
  readonly #config: TurnConfig;
  #step = 0;

  constructor(config: TurnConfig) {
    this.#config = config;
  }

  /**
   * For one session; nothing where there is no relay.
   *
   * @param sipUser the session's authentication name, such as `anna~k3f9`, for which the relay counts
   */
  serverFor(sipUser: string, now = Date.now()): TurnServer | undefined {
    const { urls, secret } = this.#config;
    if (urls.length === 0) return undefined;
    const seconds = Math.floor((now + lifetimeMs) / 1_000);
    const username = `${seconds}:${sipUser}`;
    return { urls: [...urls], username, credential: createHmac("sha1", secret).update(username).digest("base64"), expiresAt: seconds * 1_000 };
  }

  /**
   * Has sessions with a socket told a new one in their turn; whoever comes back is told one by the snapshot.
   *
   * @returns the timer, or nothing where there is no relay
   */
  renew(sessions: () => Iterable<Session>, tell: (session: Session) => void): NodeJS.Timeout | undefined {
    if (this.#config.urls.length === 0) return undefined;
    return setInterval(() => {
      const steps = renewalMs / stepMs;
      const step = this.#step++ % steps;
      for (const session of sessions()) if (session.connected && partOf(session.id, steps) === step) tell(session);
    }, stepMs);
  }
}

/** Which part of so many an id belongs to, always the same. */
function partOf(id: string, parts: number): number {
  let hash = 0;
  for (const character of id) hash = (hash * 31 + character.charCodeAt(0)) >>> 0;
  return hash % parts;
}
