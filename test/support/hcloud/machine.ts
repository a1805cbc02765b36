import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { readyFile } from "../../../pulumi/hcloud/cloud-init.ts";
import { docker } from "../docker.ts";
import { rights } from "../host.ts";

/** What a server is given as it is made. */
export interface Given { address: string; userData: string; publicKeys: readonly string[] }

/** Servers as machines of the tests (test/support/host.ts), each with the host key and the logins that it was given. Their first start is passed over. */
export class Machines {
  readonly #labels: readonly string[];
  readonly #network: string;
  readonly #image: string;

  /** @param network of Docker, in which the servers' addresses are */
  constructor(stack: string, network: string, image: string) {
    this.#labels = ["--label", `houseline.stack=${stack}`, "--label", "houseline.role=test-host"];
    this.#network = network;
    this.#image = image;
  }

  /** Makes one, turned off; returns its container. */
  async make({ address, userData, publicKeys }: Given): Promise<string> {
    const { ssh_keys: { ed25519_private: key, ed25519_public: publicKey } } = parse(userData) as { ssh_keys: Record<"ed25519_private" | "ed25519_public", string> };
    const folder = await mkdtemp(join(tmpdir(), "houseline-cloud-"));
    try {
      const id = await docker("create", "--init", ...rights, ...this.#labels, "--network", this.#network, "--ip", address, this.#image);
      const files = { "/etc/ssh/ssh_host_ed25519_key": key, "/etc/ssh/ssh_host_ed25519_key.pub": publicKey, "/root/.ssh/authorized_keys": publicKeys.join("\n"), [readyFile]: "ready" };
      for (const [index, [path, text]] of Object.entries(files).entries()) await writeFile(join(folder, `${index}`), `${text.trimEnd()}\n`, { mode: 0o600 }).then(() => this.#put(id, join(folder, `${index}`), path));
      return id;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async #put(id: string, from: string, path: string): Promise<void> {
    const folder = join(path, "..");
    // A folder that its image lacks: Docker copies none together with the file.
    if (folder === "/root/.ssh") {
      const made = await mkdtemp(join(tmpdir(), "houseline-cloud-"));
      await docker("cp", made, `${id}:${folder}`);
      await rm(made, { recursive: true });
    }
    await docker("cp", from, `${id}:${path}`);
  }

  async turn(id: string, power: "on" | "off"): Promise<void> {
    await docker(...(power === "on" ? ["start", id] : ["kill", id]));
  }

  async end(id: string): Promise<void> {
    await docker("rm", "--force", "--volumes", id);
  }
}
