import { setTimeout as delay } from "node:timers/promises";
import { ApiError, ok, type Routes } from "./answer.ts";
import { nextId, now, paged } from "./collection.ts";

export interface Resource { id: number; type: string }
export interface Action {
  id: number; command: string; status: "running" | "success" | "error"; progress: number; started: string; finished: string | null;
  error: { code: string; message: string } | null; resources: Resource[];
}

/** What an action takes at least. */
const leastMs = 100;

/** What the cloud does after it has answered. Until an action is over, what it is done to is locked. */
export class Actions {
  readonly #actions = new Map<number, Action>();
  readonly #ends = new Map<number, Promise<void>>();
  readonly #held = new Map<string, { until: Promise<void>; release: () => void }>();

  /** @param work what it does; it begins once `after` is over */
  begin(command: string, resources: Resource[], work: () => unknown = () => undefined, after?: Action): Action {
    const action: Action = { id: nextId(), command, status: "running", progress: 0, started: now(), finished: null, error: null, resources };
    this.#actions.set(action.id, action);
    this.#ends.set(action.id, this.#run(action, work, after && this.#ends.get(after.id)));
    return action;
  }

  async #run(action: Action, work: () => unknown, after?: Promise<void>): Promise<void> {
    await after;
    try {
      await Promise.all([delay(leastMs), this.#held.get(action.command)?.until]);
      action.progress = 50;
      await work();
      action.status = "success";
    } catch (error) {
      action.status = "error";
      action.error = { code: "action_failed", message: (error as Error).message };
    }
    action.progress = 100;
    action.finished = now();
  }

  /** Actions of this name don't end before they are let go. */
  hold(command: string): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    const release = () => {
      this.#held.delete(command);
      resolve();
    };
    this.#held.set(command, { until: promise, release });
    return release;
  }

  /** Lets all of them go, and waits until nothing is going on. */
  async end(): Promise<void> {
    for (const { release } of this.#held.values()) release();
    await Promise.all(this.#ends.values());
  }

  isLocked({ id, type }: Resource): boolean {
    return this.all().some(({ status, resources }) => status === "running" && resources.some((one) => one.id === id && one.type === type));
  }

  requireUnlocked(resource: Resource): void {
    if (this.isLocked(resource)) throw new ApiError("locked", `${resource.type} is locked`);
  }

  all(): Action[] {
    return [...this.#actions.values()];
  }

  routes(): Routes {
    return {
      "GET /actions": ({ query }) => {
        const ids = query.getAll("id").map(Number);
        return ok(paged("actions", this.all().filter(({ id }) => ids.includes(id)), query));
      },
      "GET /actions/:id": ({ id }) => {
        const action = this.#actions.get(id);
        if (action === undefined) throw new ApiError("not_found", `action with ID '${id}' not found`);
        return ok({ action });
      },
    };
  }
}
