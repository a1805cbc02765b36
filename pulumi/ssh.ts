import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { DockerClient } from "./docker-cli.ts";
import { run, type Outcome, type RunOptions } from "./process.ts";
import { Refusal } from "./refusal.ts";

/** A login on another machine, with the key that the machine must have. */
export interface SshHost { user: string; name: string; port: number; hostKey: string }

/** `root@203.0.113.10:2222` → its parts; the port is 22 unless given. */
export function parseLogin(login: string): Omit<SshHost, "hostKey"> {
  const [, user = "", name = "", port = "22"] = /^([^@]+)@([^:]+)(?::(\d+))?$/.exec(login) ?? [];
  return { user, name, port: Number(port) };
}

/** Files by which `ssh` reaches the hosts of a stack: only with the keys that were given for them. */
export interface SshFiles { config: string; programs: string }

/**
 * Writes them: a configuration, the hosts' keys, and a program `ssh` that uses both. (Docker's client starts `ssh` from PATH and
 * takes no options for it; Pulumi's provider does.) What the user has configured (a jump host, an agent) counts for all that is not said here.
 *
 * @param directory the stack's own
 */
export function writeSshFiles(directory: string, hosts: readonly SshHost[], identityFile?: string): SshFiles {
  const folder = join(directory, "ssh");
  const programs = join(folder, "bin");
  mkdirSync(programs, { recursive: true, mode: 0o700 });
  const [config, knownHosts] = [join(folder, "config"), join(folder, "known_hosts")];
  put(knownHosts, hosts.map(knownHost).join(""));
  put(config, sshConfig(hosts, knownHosts, controlFolder(), identityFile));
  put(join(programs, "ssh"), `#!/bin/sh\nexec ${sshProgram()} -F '${config.replaceAll("'", `'\\''`)}' "$@"\n`);
  chmodSync(join(programs, "ssh"), 0o700);
  return { config, programs };
}

/** Two commands at once write the same; an unchanged file stays as it is. */
function put(path: string, text: string): void {
  if (existsSync(path) && readFileSync(path, "utf8") === text) return;
  writeFileSync(path, text, { mode: 0o600 });
}

/** (ssh_config(5); the first value given for a keyword is the one that counts.) */
export function sshConfig(hosts: readonly SshHost[], knownHosts: string, control: string, identityFile?: string): string {
  return `# Written by ./houseline.
Host ${[...new Set(hosts.map(({ name }) => name))].join(" ")}
  BatchMode yes
  StrictHostKeyChecking yes
  UserKnownHostsFile "${knownHosts}"
  GlobalKnownHostsFile /dev/null
  UpdateHostKeys no
  ConnectTimeout 10
  ConnectionAttempts 3
  ServerAliveInterval 15
  ServerAliveCountMax 4
  ControlMaster auto
  ControlPath "${control}/%C"
  ControlPersist 20
  LogLevel ERROR
${identityFile === undefined ? "" : `  IdentityFile "${identityFile}"\n  IdentitiesOnly yes\n`}Host *
Include ~/.ssh/config
`;
}

/** (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT") */
function knownHost({ name, port, hostKey }: SshHost): string {
  return `${port === 22 ? name : `[${name}]:${port}`} ${hostKey}\n`;
}

/** A socket's path has at most 107 characters, so those of connections lie in a folder with a short one, which is this user's alone. */
function controlFolder(): string {
  const folder = join(tmpdir(), `houseline-ssh-${process.getuid?.() ?? 0}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid, mode } = lstatSync(folder);
  if (uid !== (process.getuid?.() ?? uid) || (mode & 0o077) !== 0) throw new Refusal(`${folder} belongs to somebody else, or others may look into it: connections to hosts are kept there. Remove it and run this again.`);
  return folder;
}

function sshProgram(): string {
  const folders = [...(process.env.PATH ?? "").split(delimiter).filter((folder) => !folder.endsWith("/ssh/bin")), "/usr/bin"];
  const found = folders.filter(Boolean).map((folder) => join(folder, "ssh")).find((path) => existsSync(path));
  if (found === undefined) throw new Refusal("There is no 'ssh' on this machine, and the stack's hosts are reached by it. Type 'apt-get install openssh-client' and run this again.");
  return found;
}

/** How Docker's client reaches the Docker of a host: it starts the program `ssh` that knows the stack's keys. */
export function dockerOver({ user, name, port }: SshHost, files: SshFiles, client: DockerClient): DockerClient {
  return { path: client.path, host: `ssh://${user}@${name}:${port}`, environment: { PATH: `${files.programs}${delimiter}${process.env.PATH ?? ""}` } };
}

/**
 * Runs a shell script on a host.
 *
 * @throws Refusal when the host can't be reached; a script that fails is an outcome
 */
export async function runOver(host: SshHost, { config }: SshFiles, script: string, options: RunOptions = {}): Promise<Outcome> {
  const outcome = await run("ssh", ["-F", config, "-p", String(host.port), "-l", host.user, "--", host.name, script], options);
  // Of ssh's own, whatever a script ends with. (ssh(1), "EXIT STATUS")
  if (outcome.code === 255) throw new Refusal(unreachable(host, outcome.stderr));
  return outcome;
}

/**
 * Makes sure that a host answers now, by a connection of its own: one that is kept from before may be with a machine that is gone, and wait for it.
 *
 * @throws Refusal when it doesn't within so many seconds
 */
export async function refuseSilent(host: SshHost, { config }: SshFiles, seconds: number): Promise<void> {
  const once = ["ControlPath=none", `ConnectTimeout=${seconds}`, "ConnectionAttempts=1"].flatMap((option) => ["-o", option]);
  const { code, stderr } = await run("ssh", ["-F", config, ...once, "-p", String(host.port), "-l", host.user, "--", host.name, "true"], { timeoutSeconds: 2 * seconds });
  if (code !== 0) throw new Refusal(unreachable(host, stderr));
}

/** What ssh said, as a sentence with what to do. */
export function unreachable({ user, name, port }: SshHost, stderr: string): string {
  const login = `${user}@${name}${port === 22 ? "" : `:${port}`}`;
  const line = stderr.trim().split("\n").filter(Boolean).at(-1)?.trim() ?? "it said nothing";
  if (/host key verification failed|identification has changed|no .* host key is known/i.test(stderr)) {
    return `The host ${login} shows another key than the one in the stack's configuration ('hostKey'). If it was not made anew, somebody else may be answering in its place: nothing was sent. If it was, look up its key ('ssh-keyscan -p ${port} -t ed25519 ${name}', compared with what the host's own console shows) and give it as 'hostKey'.`;
  }
  if (/permission denied/i.test(stderr)) return `The host ${login} refuses this login (${line}). Its administrator must add your public key to ~/.ssh/authorized_keys there; another key than your usual one is given by 'houseline:hosts.identityFile'.`;
  if (/could not resolve/i.test(stderr)) return `The host ${login} is not known by that name (${line}). Check it in the stack's configuration.`;
  return `The host ${login} can't be reached over SSH (${line}). Check that it runs, its address, and that a firewall lets port ${port} through from here.`;
}

/**
 * The sentence for a host whose key the configuration doesn't have: the key that answers now, for a person to compare.
 *
 * @param key the setting that it belongs in
 */
export async function unknownKey({ name, port }: Omit<SshHost, "hostKey">, key: string): Promise<string> {
  const { stdout } = await run("ssh-keyscan", ["-T", "5", "-p", String(port), "-t", "ed25519", name], { timeoutSeconds: 15 }).catch(() => ({ stdout: "" }));
  const [, kind, value] = /^\S+ (ssh-ed25519) (\S+)$/m.exec(stdout) ?? [];
  if (kind === undefined || value === undefined) return `'${key}' is not given: the key that the host must have, as /etc/ssh/ssh_host_ed25519_key.pub there has it. (${name}, port ${port}, shows none just now.)`;
  const fingerprint = createHash("sha256").update(Buffer.from(value, "base64")).digest("base64").replace(/=+$/, "");
  return `'${key}' is not given. The host ${name} shows the key below, with the fingerprint SHA256:${fingerprint}. Compare that with what the host's own console shows ('ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub'), and give it:\n  ${kind} ${value}`;
}

/**
 * Leads sockets of this machine to ports of a host's loopback, until `close`. Whoever may log in there may use them.
 *
 * @returns paths of the sockets, in the order of the ports
 * @throws Refusal when the host can't be reached
 */
export async function forwardTo(host: SshHost, { config }: SshFiles, ports: readonly number[]): Promise<{ sockets: string[]; close: () => void }> {
  const folder = mkdtempSync(join(tmpdir(), "houseline-ports-"));
  const sockets = ports.map((port) => join(folder, String(port)));
  const words = ["-F", config, "-p", String(host.port), "-l", host.user, "-o", "ControlPath=none", "-o", "ExitOnForwardFailure=yes", "-N", ...ports.flatMap((port, index) => ["-L", `${sockets[index]!}:127.0.0.1:${port}`]), "--", host.name];
  const child = spawn("ssh", words, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => { said = (said + text).slice(-2_000); });
  const close = () => {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  let ended: Error | undefined;
  child.on("error", (error) => { ended = error; }).on("exit", () => { ended ??= new Refusal(unreachable(host, said)); });
  // What uses the sockets keeps the program alive, not this.
  child.unref();
  (child.stderr as unknown as { unref(): void }).unref();
  while (!sockets.every((path) => existsSync(path))) {
    if (ended) {
      close();
      throw ended;
    }
    await delay(30);
  }
  return { sockets, close };
}
