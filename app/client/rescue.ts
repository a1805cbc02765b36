import type { Call } from "../protocol/wire.ts";
import type { PhoneCall } from "./phone-call.ts";
import { waitBefore } from "./back-off.ts";

interface RescueOptions {
  /** Whether both connections are there, so that a new leg could come. */
  reachable(): boolean;
  /** Asks the server to move a call to this device. */
  moveHere(id: string): Promise<unknown>;
  /** The call as the server told it last. */
  callOf(id: string): Call | undefined;
}

const waits = {
  /** Milliseconds that the server gets to bring a call back by itself, from the moment that both connections are there. */
  serverMs: 3_000,
  /** The same, while the server has not noticed that anything is wrong, or waits for a registration that has been there all the time. */
  shortMs: 400,
};
const backOff = { firstMs: 1_000, longestMs: 4_000 };
/** Ids of calls given up, remembered at once. */
const most = 100;

/**
 * Brings calls back whose leg was lost. Mostly the server does it: it rings the new registration. Where it can't know
 * (this network came back before the switch missed anybody; media alone broke off, by a relay that died), this device asks for its
 * call itself. The server brings nothing while it still hears this device.
 */
export class Rescue {
  readonly #options: RescueOptions;
  readonly #lost = new Map<PhoneCall, { since: number | undefined; attempts: number; missed: boolean; timer: ReturnType<typeof setTimeout> | undefined; asking: boolean }>();
  /** Calls that the person ended while the server could not be told, or only by the server: never to be brought back. */
  readonly #givenUp = new Set<string>();

  constructor(options: RescueOptions) {
    this.#options = options;
  }

  watch(call: PhoneCall): void {
    if (!this.#lost.has(call)) this.#lost.set(call, { since: undefined, attempts: 0, missed: false, timer: undefined, asking: false });
    this.look();
  }

  giveUp(id: string): void {
    this.#givenUp.add(id);
    for (const oldest of this.#givenUp) {
      if (this.#givenUp.size <= most) break;
      this.#givenUp.delete(oldest);
    }
  }

  gaveUp(id: string): boolean {
    return this.#givenUp.has(id);
  }

  /** Something changed: a connection, or what the server says. */
  look(): void {
    for (const [call, state] of this.#lost) {
      if (!call.wantsLeg) {
        clearTimeout(state.timer);
        // A leg that is on its way may fail yet: then the call is watched anew.
        this.#lost.delete(call);
        continue;
      }
      if (!this.#options.reachable()) {
        clearTimeout(state.timer);
        state.since = undefined;
        continue;
      }
      state.since ??= Date.now();
      if (state.asking) continue;
      clearTimeout(state.timer);
      const missed = call.callId !== undefined && this.#options.callOf(call.callId)?.state === "rescuing";
      // What was asked for in vain before is there to be had now.
      if (missed && !state.missed) state.attempts = 0;
      state.missed = missed;
      const patience = state.attempts > 0 ? waitBefore(state.attempts, backOff) : missed && call.needsLeg ? waits.serverMs : waits.shortMs;
      state.timer = setTimeout(() => void this.#ask(call), Math.max(0, state.since + patience - Date.now()));
    }
  }

  async #ask(call: PhoneCall): Promise<void> {
    const state = this.#lost.get(call);
    if (!state) return;
    // It came back by itself: should it break off again, that is another time.
    if (!call.wantsLeg) return void this.#lost.delete(call);
    if (!call.callId || !this.#options.reachable()) return;
    state.asking = true;
    try {
      await this.#options.moveHere(call.callId);
    } catch {
      // Not possible now, or the server is at it already: its own word on the call ends the waiting.
    } finally {
      state.asking = false;
      state.attempts++;
      state.since = Date.now();
    }
    this.look();
  }
}
