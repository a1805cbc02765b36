import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { run } from "../pulumi/process.ts";
import { parseLogin, unknownKey, writeSshFiles } from "../pulumi/ssh.ts";
import type { StackHost } from "../pulumi/stack-hosts.ts";
import { Failure } from "./failure.ts";
import { stateDirectory } from "./paths.ts";

/** Options of commands about a host that need not be of a stack yet. */
export const loginOptions = { "host-key": { type: "string" }, "identity": { type: "string" } } as const;

const loginPattern = /^[A-Za-z_][A-Za-z0-9_.-]*@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$/;

/**
 * A host by its login, whose key is given, or known to the user's own `ssh` already.
 *
 * @throws Failure with the key that answers, for a person to compare
 */
export async function hostByLogin(command: string, login: string, values: { "host-key"?: string | undefined; identity?: string | undefined }): Promise<Pick<StackHost, "name" | "ssh">> {
  if (!loginPattern.test(login)) throw new Failure(`'./houseline ${command}' takes a login such as root@203.0.113.10, with ':' and a port when that isn't 22; it was given '${login}'.`);
  const host = parseLogin(login);
  const hostKey = values["host-key"] ?? await knownKey(host);
  if (hostKey === undefined) {
    const sentence = await unknownKey(host, "--host-key");
    throw new Failure(`${sentence}\nType './houseline ${command} ${login} --host-key "ssh-ed25519 …"', or log in by ssh once and accept the key there. Nothing was sent.`);
  }
  if (!/^(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|ssh-rsa) [A-Za-z0-9+/]+=*$/.test(hostKey)) throw new Failure(`--host-key takes the kind of the host's key and the key, such as "ssh-ed25519 AAAAC3…"; it was given '${hostKey}'.`);
  const directory = join(stateDirectory, "hosts", `${host.name}-${host.port}`);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const known = { ...host, hostKey };
  return { name: login, ssh: { host: known, files: writeSshFiles(directory, [known], values.identity?.replace(/^~(?=\/)/, homedir())) } };
}

/** What the user's own `ssh` knows. (ssh-keygen(1), `-F`) */
async function knownKey({ name, port }: { name: string; port: number }): Promise<string | undefined> {
  const { stdout } = await run("ssh-keygen", ["-F", port === 22 ? name : `[${name}]:${port}`]).catch(() => ({ stdout: "" }));
  const keys = stdout.split("\n").filter((line) => line !== "" && !line.startsWith("#")).map((line) => line.split(" ").slice(1, 3).join(" "));
  return keys.find((key) => key.startsWith("ssh-ed25519")) ?? keys[0];
}
