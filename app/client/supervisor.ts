import type { Call, Supervision } from "../protocol/wire.ts";
import type { Request } from "./request.ts";

/** Takes part in a call of others: its leg comes here by itself. */
export type Join = (id: string, call: Call | undefined, mode: Supervision, user: string | undefined) => Promise<void>;

/** Calls of others, for supervisors by permission. */
export class Supervisor {
  readonly #request: Request;
  readonly #join: Join;
  #listed: readonly Call[] = [];

  /** @internal */
  constructor(request: Request, join: Join) {
    this.#request = request;
    this.#join = join;
  }

  /** Calls in progress that this person may see. */
  async calls(): Promise<Call[]> {
    const { calls } = await this.#request("listCalls", {});
    this.#listed = calls;
    return calls;
  }

  /** Joins a call, or changes how: hears both, is heard by `user` alone (the callee when nobody is named), is heard by both. */
  async supervise(call: string, mode: Supervision, user?: string): Promise<void> {
    await this.#join(call, this.#listed.find(({ id }) => id === call), mode, user);
  }

  async end(call: string): Promise<void> {
    await this.#request("endCall", { call });
  }
}
