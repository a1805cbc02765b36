import { request } from "node:http";
import { forwardTo } from "../pulumi/ssh.ts";
import type { StackHost } from "../pulumi/stack-hosts.ts";
import { loadSettings, type Environment } from "./environment.ts";
import { Failure } from "./failure.ts";
import { answeringApplication, hostsOf } from "./hosts.ts";

/** Slots of the application server (docs/architecture.md). */
const slots = 3;
const timeoutMs = 10_000;
/** More than any answer of the API has. */
const longestAnswer = 16 << 20;

/** Where a slot listens: on this machine's loopback, or at a socket that leads to another's. */
type Address = { host: string; port: number } | { socketPath: string };
interface Answer { status: number; text: string }

/** The REST API of a stack, as its administrator: each slot listens on its host's loopback. */
export class StackApi {
  readonly #address: Address;
  readonly #token: string;
  readonly #stack: string;

  private constructor(address: Address, token: string, stack: string) {
    this.#address = address;
    this.#token = token;
    this.#stack = stack;
  }

  /** Finds the slot that serves. */
  static async open(target: Environment): Promise<StackApi> {
    const settings = loadSettings(target);
    const { ports, secrets: { adminToken } } = settings;
    if (adminToken === undefined) throw new Failure(`The stack '${target.stack}' has no token of its own. './houseline up' makes one.`);
    const application = await answeringApplication(await hostsOf(settings, target));
    for (const address of await addressesOf(application, Array.from({ length: slots }, (_, slot) => ports.app + slot))) {
      const isReady = await send(address, "GET", "/readyz", {}).then(({ status }) => status === 200, () => false);
      if (isReady) return new StackApi(address, adminToken, target.stack);
    }
    throw new Failure(`No application server of the stack '${target.stack}' answers on ${application.name}. Type './houseline status ${target.stack}' to see what runs, or './houseline up ${target.stack}' to start it.`);
  }

  /** Asks; what is refused becomes the server's own sentence. */
  async ask<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T> {
    const { status, body: answer } = await this.#send(method, path, body);
    if (status < 300) return answer as T;
    if (status === 401) throw new Failure(`The application server of '${this.#stack}' was deployed without this machine's token, or with another. Type './houseline up ${this.#stack}' to give it this one.`);
    throw new Failure((answer as { error?: { message?: string } }).error?.message ?? `The application server answered ${status}.`);
  }

  async #send(method: string, path: string, body?: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
    try {
      const headers = { authorization: `Bearer ${this.#token}`, ...(body === undefined ? {} : { "content-type": "application/json" }) };
      const { status, text } = await send(this.#address, method, `/api${path}`, headers, body === undefined ? undefined : JSON.stringify(body));
      return { status, body: (text === "" ? {} : JSON.parse(text)) as Record<string, unknown> };
    } catch (error) {
      throw new Failure(`The application server of '${this.#stack}' did not answer (${(error as Error).message}). Try again.`);
    }
  }
}

async function addressesOf({ ssh }: StackHost, ports: readonly number[]): Promise<Address[]> {
  if (!ssh) return ports.map((port) => ({ host: "127.0.0.1", port }));
  const { sockets, close } = await forwardTo(ssh.host, ssh.files, ports);
  process.once("exit", close);
  return sockets.map((socketPath) => ({ socketPath }));
}

function send(address: Address, method: string, path: string, headers: Record<string, string>, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ ...address, method, path, headers: { ...headers, ...(body === undefined ? {} : { "content-length": Buffer.byteLength(body) }) }, agent: false, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
        if (text.length > longestAnswer) response.destroy(new Error("its answer is too long"));
      }).on("error", reject).on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    asked.on("error", reject).end(body);
  });
}
