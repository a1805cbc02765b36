import { ControlError } from "./control-error.ts";
import { Emitter } from "./emitter.ts";
import type { Ending } from "./end-reason.ts";
import type { Request } from "./request.ts";

export interface PhoneCallEvents {
  /** Anything about the call is different: its state, who is in it, mute, hold, the quality of its connection, its reason. */
  changed: [];
  ended: [ending: Ending];
}

/** Why this person leaves a call that goes on without them. */
export type LeavingReason = "transferred" | "parked" | "merged";

/** What the application server does with a call, in the switch. Each rejects with a `ControlError`, whose message is meant for the person. */
export abstract class CallCommands extends Emitter<PhoneCallEvents> {
  /** The server's id of the call, once it is known. */
  abstract get callId(): string | undefined;
  /** The call that one of its participants asks somebody by before an attended transfer, by its id. */
  abstract get consultation(): string | undefined;
  /** @internal */
  protected abstract get request(): Request;
  /** A command begins after which this person is out of the call; nothing, when it was refused. @internal */
  protected abstract expectToLeave(reason: LeavingReason | undefined): void;
  /** The server agreed: the leg is about to end. @internal */
  protected abstract leave(reason: LeavingReason): void;

  /** Blind transfer: the other side rings `to`, and this person is out. */
  async transfer(to: string): Promise<void> {
    await this.#leaveBy("transferred", (call) => this.request("transfer", { call, to }));
  }

  /** Attended transfer: the other side hears music while this person asks somebody; that call comes as one of its own. */
  async consult(to: string): Promise<string> {
    return (await this.request("consult", { call: this.#id(), to })).consultation;
  }

  /** Attended transfer: talks to the other of the two. */
  async swap(): Promise<void> {
    await this.request("swap", { call: this.#id() });
  }

  /** Attended transfer, its end: the two others talk. */
  async completeTransfer(): Promise<void> {
    await this.#leaveBy("transferred", (call) => this.request("completeTransfer", { call }));
  }

  /** Attended transfer, given up: the consultation ends, the call goes on. */
  async cancelTransfer(): Promise<void> {
    await this.request("cancelTransfer", { call: this.#id() });
  }

  /** Everybody in the call, and in its consultation, into one conference: one of this person's two legs is enough for it. */
  async conference(): Promise<void> {
    if (this.consultation === undefined) await this.request("conference", { call: this.#id() });
    else await this.#leaveBy("merged", (call) => this.request("conference", { call }));
  }

  /** Rings somebody and takes them into the call. */
  async add(to: string): Promise<void> {
    await this.request("addParticipant", { call: this.#id(), to });
  }

  async remove(user: string): Promise<void> {
    await this.request("removeParticipant", { call: this.#id(), user });
  }

  /** Parks the call, in a space of the server's choice when none is given; resolves with the space. */
  async park(space?: number): Promise<number> {
    return (await this.#leaveBy("parked", (call) => this.request("park", { call, space }))).space;
  }

  /** Hands the call to another device of this person's. */
  async moveTo(device: string): Promise<void> {
    await this.request("moveCall", { call: this.#id(), device });
  }

  #id(): string {
    if (!this.callId) throw new ControlError("unavailable", "The telephone server does not know this call yet. Try again in a moment.");
    return this.callId;
  }

  async #leaveBy<Answer>(reason: LeavingReason, run: (call: string) => Promise<Answer>): Promise<Answer> {
    const id = this.#id();
    this.expectToLeave(reason);
    try {
      const answer = await run(id);
      this.leave(reason);
      return answer;
    } catch (error) {
      this.expectToLeave(undefined);
      throw error;
    }
  }
}
