import { closeCodes } from "../protocol/wire.ts";
import type { Logger } from "./log.ts";
import type { Connection } from "./sessions/connection.ts";
import type { Session } from "./sessions/session.ts";
import type { Sessions } from "./sessions/sessions.ts";

/** Sockets are sent away over this time, so that the next release is not stormed: of a crowd, one after another. */
const goodbyeMs = 2_000;
const eachMs = 20;
const mostMs = 4_000;
const stepMs = 100;
/** Requests under way may end. */
const requestsMs = 2_000;
/** Sessions in one transaction. */
const mostTogether = 200;

/** The end of a server: everybody goes to another one, with what they missed on the way. */
export class Drain {
  readonly #sessions: Sessions;
  readonly #log: Logger;
  begun = false;

  constructor(sessions: Sessions, log: Logger) {
    this.#sessions = sessions;
    this.#log = log;
  }

  /** Resolves when nobody is left. */
  async run(): Promise<void> {
    this.begun = true;
    const began = Date.now();
    const withinMs = Math.min(mostMs, Math.max(goodbyeMs, this.#sessions.size * eachMs));
    const leaving: { session: Session; at: number }[] = [];
    for (const session of this.#sessions.all) {
      const delayMs = session.connected ? Math.round(Math.random() * withinMs) : 0;
      if (session.connected) session.emit("goodbye", { delayMs });
      leaving.push({ session, at: began + delayMs });
    }
    leaving.sort((a, b) => a.at - b.at);
    const closing: Promise<void>[] = [];
    while (leaving.length > 0) {
      const due = leaving.splice(0, leaving.findIndex(({ at }) => at > Date.now()) === -1 ? leaving.length : leaving.findIndex(({ at }) => at > Date.now()));
      if (due.length > 0) closing.push(this.#send(due.map(({ session }) => session)));
      if (leaving.length > 0) await new Promise((resolve) => setTimeout(resolve, stepMs));
    }
    await Promise.all(closing);
    // Whoever came meanwhile.
    await this.#send([...this.#sessions.all]);
    await this.#sessions.linger().catch((error: Error) => this.#log.warn({ reason: error.message }, "who was sent away has less time to come back"));
  }

  async #send(sessions: readonly Session[]): Promise<void> {
    await Promise.all(sessions.map(({ connection }) => connection && afterRequests(connection)));
    for (let start = 0; start < sessions.length; start += mostTogether) {
      const some = sessions.slice(start, start + mostTogether);
      const connections = some.map(({ connection }) => connection);
      try {
        await this.#sessions.handOver(some);
      } catch (error) {
        this.#log.error({ sessions: some.length, reason: (error as Error).message }, "sessions could not be handed over: their devices start over");
      }
      for (const connection of connections) connection?.close(closeCodes.goingAway, "this release is going");
    }
  }
}

async function afterRequests(connection: Connection): Promise<void> {
  for (const end = Date.now() + requestsMs; connection.requestsInFlight > 0 && Date.now() < end;) await new Promise((resolve) => setTimeout(resolve, 20));
}
