import { loadSettings, type Environment } from "./environment.ts";
import { Failure } from "./failure.ts";

/** Slots of the application server (docs/architecture.md). */
const slots = 3;
const timeoutMs = 10_000;

interface Answer { status: number; body: Record<string, unknown> }

/** The REST API of a stack that runs on this machine, as its administrator: each slot listens on loopback. */
export class StackApi {
  readonly #base: string;
  readonly #token: string;
  readonly #stack: string;

  private constructor(base: string, token: string, stack: string) {
    this.#base = base;
    this.#token = token;
    this.#stack = stack;
  }

  /** Finds the slot that serves. */
  static async open(target: Environment): Promise<StackApi> {
    const { ports, secrets: { adminToken } } = loadSettings(target);
    if (adminToken === undefined) throw new Failure(`The stack '${target.stack}' has no token of its own. './houseline up' makes one.`);
    for (let slot = 0; slot < slots; slot++) {
      const base = `http://127.0.0.1:${ports.app + slot}`;
      const isReady = await fetch(`${base}/readyz`, { signal: AbortSignal.timeout(timeoutMs) }).then(({ status }) => status === 200, () => false);
      if (isReady) return new StackApi(base, adminToken, target.stack);
    }
    throw new Failure(`No application server of the stack '${target.stack}' answers on this machine. Type './houseline status ${target.stack}' to see what runs, or './houseline up ${target.stack}' to start it.`);
  }

  /** Asks; what is refused becomes the server's own sentence. */
  async ask<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T> {
    const { status, body: answer } = await this.#send(method, path, body);
    if (status < 300) return answer as T;
    if (status === 401) throw new Failure(`The application server of '${this.#stack}' was deployed without this machine's token, or with another. Type './houseline up ${this.#stack}' to give it this one.`);
    throw new Failure((answer as { error?: { message?: string } }).error?.message ?? `The application server answered ${status}.`);
  }

  async #send(method: string, path: string, body?: unknown): Promise<Answer> {
    try {
      const response = await fetch(`${this.#base}/api${path}`, {
        method, signal: AbortSignal.timeout(timeoutMs),
        headers: { authorization: `Bearer ${this.#token}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, body: (text === "" ? {} : JSON.parse(text)) as Record<string, unknown> };
    } catch (error) {
      throw new Failure(`The application server of '${this.#stack}' did not answer (${(error as Error).message}). Try again.`);
    }
  }
}
