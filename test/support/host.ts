import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { oneAtATime } from "../../cli/held-name.ts";
import { docker } from "./docker.ts";
import { until } from "./until.ts";

const run = promisify(execFile);
const folder = join(import.meta.dirname, "host");

/** `ready` has Docker; `empty` has not; `cloud` has what a cloud's image starts with. */
type Kind = "ready" | "empty" | "cloud";

/** Why there can be none here, or nothing: a machine in a container has a Docker of its own, which takes root's rights. */
export const noHosts = process.getuid?.() === 0 ? undefined : "not root";

/** What a Docker within a container takes: rights over its own network and mounts, and the control groups of this machine. */
export const rights = [
  ...["SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE", "SYS_NICE", "DAC_READ_SEARCH", "IPC_LOCK"].flatMap((name) => ["--cap-add", name]),
  ...["seccomp", "apparmor", "systempaths"].flatMap((name) => ["--security-opt", `${name}=unconfined`]),
  "--cgroupns", "host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw", "--device-cgroup-rule", "a *:* rwm",
];

/** Networks of the tests' machines: the one that browsers come by, and the private one between servers. */
export class HostNetwork {
  readonly #stack: string;
  readonly #names: readonly string[];
  readonly identityFile: string;
  readonly #keys: string;

  private constructor(stack: string, keys: string) {
    this.#stack = stack;
    this.#names = [`${stack}-public`, `${stack}-private`];
    this.#keys = keys;
    this.identityFile = join(keys, "id");
  }

  /** @param stack whose name everything bears: what is left of a killed run is found by it */
  static async create(stack: string): Promise<HostNetwork> {
    const keys = await mkdtemp(join(tmpdir(), "houseline-keys-"));
    const network = new HostNetwork(stack, keys);
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "the tests", "-f", network.identityFile]);
    await docker("network", "create", "--label", `houseline.stack=${stack}`, network.#names[0]!);
    await docker("network", "create", "--label", `houseline.stack=${stack}`, "--internal", network.#names[1]!);
    return network;
  }

  /** Starts a machine. */
  async host(name: string, kind: Kind = "ready"): Promise<TestHost> {
    const image = await imageOf(kind);
    const [publicNetwork, privateNetwork] = this.#names as [string, string];
    const label = ["--label", `houseline.stack=${this.#stack}`, "--label", "houseline.role=test-host"];
    const id = await docker("run", "--detach", "--init", ...rights, "--name", `${this.#stack}-${name}`, "--hostname", name, ...label, "--network", publicNetwork, image);
    await docker("network", "connect", privateNetwork, id);
    const [open, closed] = await Promise.all([publicNetwork, privateNetwork].map((network) => docker("inspect", "--format", `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, id)));
    const host = new TestHost(id, open!, closed!);
    await docker("cp", `${this.identityFile}.pub`, `${id}:/root/.ssh/authorized_keys`);
    await host.shell("chown root: /root/.ssh/authorized_keys && chmod 600 /root/.ssh/authorized_keys");
    await until("the machine's SSH", async () => (await host.shell("cat /etc/ssh/ssh_host_ed25519_key.pub && ss -ltn | grep -q :22")).code === 0);
    if (kind === "ready") await until("the machine's Docker", async () => (await host.shell("docker version > /dev/null 2>&1")).code === 0, 60_000);
    return host;
  }

  /**
   * Starts a machine behind a NAT that translates one address to one other, port for port, as clouds have it: the only way to the machine is by its router, whose
   * address in the public network is the machine's to everybody else.
   */
  async hostBehindNat(name: string): Promise<{ host: TestHost; router: TestHost }> {
    const host = await this.host(name);
    const image = await imageOf("ready");
    const id = await docker("run", "--detach", "--init", "--cap-add", "NET_ADMIN", "--sysctl", "net.ipv4.ip_forward=1", "--name", `${this.#stack}-${name}-router`, "--label", `houseline.stack=${this.#stack}`, "--label", "houseline.role=test-host",
      "--network", this.#names[0]!, "--entrypoint", "sleep", image, "infinity");
    const [address, routerPid, hostPid] = await Promise.all([docker("inspect", "--format", `{{(index .NetworkSettings.Networks "${this.#names[0]}").IPAddress}}`, id), ...[id, host.id].map((one) => docker("inspect", "--format", "{{.State.Pid}}", one))]);
    const router = new TestHost(id, address!, "");
    for (const network of this.#names) await docker("network", "disconnect", network, host.id);
    // A cable between the two: this machine has no end of it.
    await run("ip", ["link", "add", "inside", "netns", routerPid!, "type", "veth", "peer", "name", "outside", "netns", hostPid!]);
    const [own, inside] = ["10.99.0.2", "10.99.0.1"];
    await router.shell(`ip address add ${inside}/24 dev inside && ip link set inside up
iptables -t nat -A PREROUTING -i eth0 -d ${address} -j DNAT --to-destination ${own}
iptables -t nat -A POSTROUTING -o eth0 -s ${own} -j SNAT --to-source ${address}`);
    await host.shell(`ip address add ${own}/24 dev outside && ip link set outside up && ip route add default via ${inside}
# The name server that it had is gone: without one nothing waits for it.
: > /etc/resolv.conf`);
    return { host: new TestHost(host.id, address!, "127.0.0.1", own), router };
  }

  /** This machine's address in the network that browsers come by: what listens there is reached from every machine. */
  async gateway(): Promise<string> {
    return docker("network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", this.#names[0]!);
  }

  async remove(): Promise<void> {
    const ids = (await docker("ps", "--all", "--quiet", "--filter", `label=houseline.stack=${this.#stack}`, "--filter", "label=houseline.role=test-host")).split("\n").filter(Boolean);
    if (ids.length > 0) await docker("rm", "--force", "--volumes", ...ids);
    for (const name of this.#names) await docker("network", "rm", name).catch(() => undefined);
    await rm(this.#keys, { recursive: true, force: true });
  }
}

export interface HostSettings { ssh: string; hostKey: string; private: string; public: string; internal?: string }

/** A machine of the tests: Debian with an SSH server, addresses, and (unless it is empty) a Docker of its own. */
export class TestHost {
  /** Its container on this machine. */
  readonly id: string;
  readonly publicAddress: string;
  readonly privateAddress: string;
  /** Its own, where a NAT is before it. */
  readonly internalAddress: string | undefined;

  constructor(id: string, publicAddress: string, privateAddress: string, internalAddress?: string) {
    this.id = id;
    this.publicAddress = publicAddress;
    this.privateAddress = privateAddress;
    this.internalAddress = internalAddress;
  }

  /** Its settings in a stack. */
  async settings(): Promise<HostSettings> {
    return { ssh: `root@${this.publicAddress}`, hostKey: await this.hostKey(), private: this.privateAddress, public: this.publicAddress, ...(this.internalAddress !== undefined && { internal: this.internalAddress }) };
  }

  async hostKey(): Promise<string> {
    return (await this.shell("cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub")).stdout.trim();
  }

  async shell(script: string): Promise<{ code: number; stdout: string }> {
    return docker("exec", this.id, "sh", "-c", script).then((stdout) => ({ code: 0, stdout }), (error: { code?: number; stdout?: string }) => ({ code: error.code ?? 1, stdout: error.stdout ?? "" }));
  }

  /** Says nothing more to anybody, and hears nothing: as one that has lost its power. */
  async silence(): Promise<void> {
    await this.shell("ip link set eth1 down; ip link set eth0 down");
  }

  /** Is there again. */
  async wake(): Promise<void> {
    await this.shell("ip link set eth0 up; ip link set eth1 up");
  }

  /** Puts a file there. */
  async write(path: string, text: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const child = spawn("docker", ["exec", "-i", this.id, "sh", "-c", `cat > ${path}`], { stdio: ["pipe", "ignore", "inherit"] });
      child.on("error", reject).on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`${path} could not be written.`))));
      child.stdin.end(text);
    });
  }

  /** Its own Docker. */
  docker(...words: string[]): Promise<string> {
    return docker("exec", this.id, "docker", ...words);
  }

  /** Roles and images of what runs there. */
  async running(): Promise<string[]> {
    return (await this.docker("ps", "--format", "{{.Label \"houseline.role\"}} {{.Image}}")).split("\n").sort();
  }

  /** The image of a role by another name: another release of it. */
  async nextRelease(role: string): Promise<string> {
    const image = (await this.running()).find((line) => line.startsWith(`${role} `))!.split(" ")[1]!;
    await this.docker("tag", image, `houseline/${role}:next`);
    return `houseline/${role}:next`;
  }

  /** Brings images of this machine to it. */
  async load(images: readonly string[]): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      spawn("sh", ["-c", 'host=$1; shift; docker save "$@" | docker exec -i "$host" docker load --quiet', "sh", this.id, ...images], { stdio: ["ignore", "ignore", "inherit"] })
        .on("error", reject).on("exit", (code) => (code === 0 ? resolve() : reject(new Error("The images could not be brought to the machine."))));
    });
  }
}

/** Built once, and again when its files change; of two that want it, one builds it. */
export async function imageOf(kind: Kind): Promise<string> {
  const hash = createHash("sha256");
  for (const name of ["Dockerfile", "start.sh"]) hash.update(await readFile(join(folder, name)));
  const image = `houseline-test/host-${kind}:${hash.digest("hex").slice(0, 12)}`;
  await oneAtATime("host-images", async () => {
    if ((await docker("image", "ls", "--quiet", image)) !== "") return;
    await run("docker", ["build", "--quiet", "--network", "host", "--target", kind, "--tag", image, folder], { env: { ...process.env, DOCKER_BUILDKIT: "0" } });
  });
  return image;
}
