import type { Call, Supervision } from "../protocol/wire.ts";
import type { Request } from "./request.ts";

/** Calls of others, for supervisors by permission. */
export class Supervisor {
  readonly #request: Request;

  /** @param request sends commands whose INVITE is answered by itself @internal */
  constructor(request: Request) {
    this.#request = request;
  }

  /** Calls in progress that this person may see. */
  async calls(): Promise<Call[]> {
    return (await this.#request("listCalls", {})).calls;
  }

  /** Joins a call, or changes how: hears both, is heard by `user` alone (the callee when nobody is named), is heard by both. */
  async supervise(call: string, mode: Supervision, user?: string): Promise<void> {
    await this.#request("supervise", { call, mode, user });
  }

  async end(call: string): Promise<void> {
    await this.#request("endCall", { call });
  }
}
