import { setTimeout as delay } from "node:timers/promises";
import type { Session } from "./sessions/session.ts";

/** People who are on their way at once: at least so many, and of a crowd this part. */
const fewest = 16;
const parts = 12;
/** Milliseconds after which somebody on their way makes room for the next: a device without SIP never arrives. */
const onTheWayMs = 500;
const lookMs = 10;

/**
 * Sends everybody to another switch. While the one before goes on, only some at once: all of them together would wait for each other, and
 * nobody misses anything where they still are.
 */
export class Move {
  readonly #tell: (session: Session) => void;
  /** When somebody was told, by the account that is to register. */
  readonly #onTheWay = new Map<string, number>();
  #count = 0;

  /** @param tell tells the devices of a session where to register, if it is still here */
  constructor(tell: (session: Session) => void) {
    this.#tell = tell;
  }

  /** @param isGone whether they can't call where they are: then all are told at once */
  async begin(sessions: readonly Session[], isGone: boolean): Promise<void> {
    const count = ++this.#count;
    this.#onTheWay.clear();
    const most = isGone ? Infinity : Math.max(fewest, Math.ceil(sessions.length / parts));
    for (const session of sessions) {
      while (this.#underWay() >= most) await delay(lookMs);
      // Everybody is told anew by then.
      if (count !== this.#count) return;
      if (session.connected) this.#onTheWay.set(session.sipUser, Date.now());
      this.#tell(session);
    }
  }

  /** An account has registered where it was sent. */
  arrived(account: string): void {
    this.#onTheWay.delete(account);
  }

  #underWay(): number {
    for (const [account, since] of this.#onTheWay) if (since + onTheWayMs <= Date.now()) this.#onTheWay.delete(account);
    return this.#onTheWay.size;
  }
}
