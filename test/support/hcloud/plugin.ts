/**
 * In the place of Pulumi's plugin for Hetzner Cloud: what the engine asks for is written down, and a server is a machine of the tests
 * (test/support/host.ts) with the host key and the login that it was given. Its first start is passed over.
 */
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { main } from "@pulumi/pulumi/provider/server.js";
import { parse } from "yaml";
import { readyFile } from "../../../pulumi/hcloud/cloud-init.ts";
import { rights } from "../host.ts";

/** What the test tells it. */
interface Cloud { stack: string; network: string; base: string; image: string; log: string }
const cloud = JSON.parse(process.env.HOUSELINE_TEST_CLOUD!) as Cloud;
type Props = Record<string, unknown>;

const docker = (...words: string[]) => execFileSync("docker", words, { encoding: "utf8" }).trim();
const typeOf = (urn: string) => urn.split("::")[2]!.split("$").at(-1)!.split("/").at(-1)!.split(":").at(-1)!;
const write = (what: string, urn: string) => appendFileSync(cloud.log, `${what} ${urn.split("::").at(-1)}\n`);

/** A secret comes in a wrapping that names it as one. */
const revealed = (value: unknown) => typeof value === "object" && value !== null && "value" in value ? value.value : value;

/** Of each server: no packet leaves its machine with it. */
const ipv6Address = "2001:db8::1";

function startServer(props: Props): string {
  const [{ ipv4 }] = props.publicNets as [{ ipv4: number }];
  const user = parse(revealed(props.userData) as string) as { ssh_keys: { ed25519_private: string; ed25519_public: string } };
  const folder = mkdtempSync(join(tmpdir(), "houseline-cloud-"));
  try {
    const put = (name: string, text: string) => { writeFileSync(join(folder, name), text, { mode: 0o600 }); };
    put("ssh_host_ed25519_key", user.ssh_keys.ed25519_private);
    put("ssh_host_ed25519_key.pub", user.ssh_keys.ed25519_public);
    put("authorized_keys", made().values[(props.sshKeys as string[])[0]!]!);
    const id = docker("create", "--init", ...rights, "--sysctl", "net.ipv6.conf.all.disable_ipv6=0", "--label", `houseline.stack=${cloud.stack}`, "--label", "houseline.role=test-host", "--network", cloud.network, "--ip", made().values[ipv4]!, cloud.image);
    for (const name of ["ssh_host_ed25519_key", "ssh_host_ed25519_key.pub"]) docker("cp", join(folder, name), `${id}:/etc/ssh/${name}`);
    docker("start", id);
    docker("exec", id, "ip", "address", "add", `${ipv6Address}/128`, "dev", "eth0");
    docker("exec", id, "mkdir", "-p", "/root/.ssh");
    docker("cp", join(folder, "authorized_keys"), `${id}:/root/.ssh/authorized_keys`);
    docker("exec", id, "sh", "-c", `chown root: /root/.ssh/authorized_keys; echo ready > ${readyFile}`);
    return id;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What it has made is known to the next command's plugin too. */
interface Made { last: number; values: Record<string, string> }
const file = `${cloud.log}.json`;
const made = (): Made => existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) as Made : { last: 10, values: {} };
/** @returns the id */
function keep(value: (id: number) => string): string {
  const { last, values } = made();
  const id = last + 1;
  writeFileSync(file, JSON.stringify({ last: id, values: { ...values, [id]: value(id) } }));
  return String(id);
}

const provider = {
  version: "1.41.0",
  create: async (urn: string, props: Props) => {
    write("create", urn);
    switch (typeOf(urn)) {
      case "SshKey":
        return { id: keep(() => props.publicKey as string), outs: props };
      case "PrimaryIp": {
        const id = keep((id) => props.type === "ipv4" ? `${cloud.base}.${id}` : `2001:db8:${id}::`);
        return { id, outs: { ...props, ipAddress: made().values[id] } };
      }
      case "Server":
        return { id: keep(() => ""), outs: { ...props, container: startServer(props), ipv4Address: "", ipv6Address } };
      default:
        return { id: keep(() => ""), outs: props };
    }
  },
  diff: async (_id: string, _urn: string, olds: Props, news: Props) => {
    const changed = Object.keys(news).filter((key) => JSON.stringify(news[key]) !== JSON.stringify(olds[key]));
    const replaces = changed.filter((key) => ["userData", "image", "location", "sshKeys", "publicKey"].includes(key));
    return { changes: changed.length > 0, replaces, deleteBeforeReplace: true };
  },
  update: async (_id: string, urn: string, olds: Props, news: Props) => {
    write("update", urn);
    return { outs: { ...olds, ...news } };
  },
  delete: async (_id: string, urn: string, props: Props) => {
    write("delete", urn);
    if (props.deleteProtection === true) throw new Error("server is protected (protected)");
    if (typeof props.container === "string") docker("rm", "--force", "--volumes", props.container);
  },
};

await main(provider as never, process.argv.slice(2));
