import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import { execFile } from "node:child_process";
import { docker } from "../support/docker.ts";
import { freePorts } from "../support/ports.ts";
import type { Account } from "../freeswitch/sip-client.ts";

const image = "houseline-bench-vanilla";

/** FreeSWITCH with its packaged configuration, in a container on this machine's network: the peer. */
export class Vanilla {
  readonly name: string;
  readonly #base: number;
  readonly password: string;

  private constructor(name: string, base: number, password: string) {
    this.name = name;
    this.#base = base;
    this.password = password;
  }

  /** @param stack its label, by which it is removed with the rest of the bench */
  static async create(stack: string, aptSource: string): Promise<Vanilla> {
    await promisify(execFile)("docker", ["build", "--quiet", "--network", "host", "--tag", image, "--build-arg", `FREESWITCH_APT_SOURCE=${aptSource}`, join(import.meta.dirname, "vanilla")],
      { env: { ...process.env, DOCKER_BUILDKIT: "0" } });
    const vanilla = new Vanilla(`${stack}-vanilla`, await freePorts(7), randomBytes(8).toString("hex"));
    await docker("create", "--name", vanilla.name, "--label", `houseline.stack=${stack}`, "--network", "host", "--init", "--env", `BASE=${vanilla.#base}`, "--env", `PASSWORD=${vanilla.password}`, image);
    return vanilla;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#base}/`;
  }

  get eslPort(): number {
    return this.#base + 6;
  }

  /** One of its users, 1000 to 1019. */
  account(index: number): Account {
    const name = String(1000 + index % 20);
    return { domain: "127.0.0.1", name, authName: name, password: this.password };
  }
}
