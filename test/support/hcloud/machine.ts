import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { parse } from "yaml";
import { readyFile } from "../../../pulumi/hcloud/cloud-init.ts";
import { docker } from "../docker.ts";
import { rights } from "../host.ts";

/** What a server is given as it is made. */
export interface Given { address: string; ipv6: string; userData: string; publicKeys: readonly string[] }

/** Servers as machines of the tests (test/support/host.ts), each with the host key and the logins that it was given. Their first start is passed over. */
export class Machines {
  readonly #labels: readonly string[];
  readonly #network: string;
  readonly #image: string;
  /** By containers. */
  readonly #ipv6 = new Map<string, string>();

  /** @param network of Docker, in which the servers' addresses are */
  constructor(stack: string, network: string, image: string) {
    this.#labels = ["--label", `houseline.stack=${stack}`, "--label", "houseline.role=test-host"];
    this.#network = network;
    this.#image = image;
  }

  /** Makes one, turned off; returns its container. */
  async make({ address, ipv6, userData, publicKeys }: Given): Promise<string> {
    const { ssh_keys: { ed25519_private: key, ed25519_public: publicKey } } = parse(userData) as { ssh_keys: Record<"ed25519_private" | "ed25519_public", string> };
    const folder = await mkdtemp(join(tmpdir(), "houseline-cloud-"));
    try {
      const id = await docker("create", "--init", ...rights, "--sysctl", "net.ipv6.conf.all.disable_ipv6=0", ...this.#labels, "--network", this.#network, "--ip", address, this.#image);
      const files = { "/etc/ssh/ssh_host_ed25519_key": key, "/etc/ssh/ssh_host_ed25519_key.pub": publicKey, "/root/.ssh/authorized_keys": publicKeys.join("\n"), [readyFile]: "ready" };
      for (const [path, text] of Object.entries(files)) {
        const file = join(folder, basename(path));
        await writeFile(file, `${text.trimEnd()}\n`, { mode: 0o600 });
        await this.#put(id, file, path);
      }
      this.#ipv6.set(id, ipv6);
      return id;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async #put(id: string, from: string, path: string): Promise<void> {
    const folder = dirname(path);
    // A folder that its image lacks: Docker copies none together with the file.
    if (folder === "/root/.ssh") {
      const made = await mkdtemp(join(tmpdir(), "houseline-cloud-"));
      await docker("cp", made, `${id}:${folder}`);
      await rm(made, { recursive: true });
    }
    await docker("cp", from, `${id}:${path}`);
  }

  async turn(id: string, power: "on" | "off"): Promise<void> {
    if (power === "off") return void await docker("kill", id);
    await docker("start", id);
    // Of no use but to be there: no packet leaves its machine with it.
    await docker("exec", id, "ip", "address", "add", `${this.#ipv6.get(id)}/128`, "dev", "eth0");
  }

  async end(id: string): Promise<void> {
    await docker("rm", "--force", "--volumes", id);
  }
}
