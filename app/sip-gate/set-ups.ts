import { bounds } from "./bounds.ts";
import type { Glance } from "./sip.ts";

/** Calls of one WebSocket that are being set up or changed: from an INVITE, whoever sent it, to its ACK. (RFC 3261, section 17) */
export class SetUps {
  readonly #open = new Set<string>();
  #lastAt = 0;

  /** A message that went by, either way. */
  see({ method, status, transaction }: Glance): void {
    this.#lastAt = performance.now();
    if (status !== undefined) return;
    if (method === "INVITE" && this.#open.size < bounds.setUps) this.#open.add(transaction);
    if (method === "ACK") this.#open.delete(transaction);
  }

  /** Whether nothing would be cut off now: no call is being set up, and no message went by a moment ago that the next one belongs to. */
  get areQuiet(): boolean {
    return this.#open.size === 0 && performance.now() - this.#lastAt >= bounds.quietMs;
  }
}
