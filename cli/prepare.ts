import { factsOf } from "../pulumi/host-facts.ts";
import { canPrepare } from "../pulumi/host-findings.ts";
import { dockerConfigPath, setupFiles, setupScript, sshFile } from "../pulumi/host-setup.ts";
import { runThere, type StackHost } from "../pulumi/stack-hosts.ts";
import { tellFindings } from "./doctor.ts";
import { Failure } from "./failure.ts";
import { hostByLogin, loginOptions } from "./login.ts";
import { readOptions } from "./options.ts";
import { opensshClient } from "./setup/openssh-client.ts";
import { setUp } from "./setup/index.ts";
import { confirm, step } from "./terminal.ts";

const setupSeconds = 900;

/** `./houseline prepare root@host`: sets a Debian or Ubuntu up as a host of a stack. May be repeated. */
export async function prepare(args: string[]): Promise<number> {
  const { values, positionals: [login] } = readOptions("prepare", args, { ...loginOptions, "yes": { type: "boolean" }, "harden-ssh": { type: "boolean" } }, 1, "root@HOST");
  if (login === undefined) throw new Failure("Say which host: './houseline prepare root@203.0.113.10'.");
  await setUp([opensshClient], { yes: values.yes ?? false });
  const host = await hostByLogin("prepare", login, values);
  const facts = await factsOf(host);
  if (!canPrepare(facts)) throw new Failure(`${login} is ${facts.os || "a system that doesn't say its name"} ${facts.release}: prepare knows Debian 12 and Ubuntu 22.04 and newer. './houseline doctor ${login}' says what is to be done by hand. Nothing was changed.`);
  if (facts.user !== "0") throw new Failure(`${login} is not root there, and packages are installed and the kernel is set up. Log in as root: './houseline prepare root@…'. Nothing was changed.`);
  const hardenSsh = values["harden-ssh"] ?? false;
  await agree(values.yes ?? false, login, facts.docker === "", hardenSsh);
  await step(`Preparing ${login}`, (note) => setUpHost(host, hardenSsh, note));
  return await tellFindings(host, `./houseline prepare ${login}`) ? 0 : 1;
}

async function agree(yes: boolean, login: string, installs: boolean, hardenSsh: boolean): Promise<void> {
  if (yes) return;
  const files = [...setupFiles, ...(hardenSsh ? [sshFile] : [])].map(({ path }) => path).join(", ");
  const agreed = await confirm(`On ${login}: ${installs ? "install" : "renew"} Docker from the system's own packages, write ${files} (${dockerConfigPath} only where there is none)${hardenSsh ? ", and let nobody in by a password any more" : ""}?`);
  if (agreed === undefined) throw new Failure("'./houseline prepare' asks before it changes a host, and nobody can be asked here. Add --yes.");
  if (!agreed) throw new Failure("Nothing was changed.");
}

async function setUpHost(host: Pick<StackHost, "name" | "ssh">, hardenSsh: boolean, note: (what: string) => void): Promise<void> {
  const { code, stderr } = await runThere(host, setupScript({ hardenSsh }), { timeoutSeconds: setupSeconds, onLine: (line) => { if (line.startsWith("step: ")) note(line.slice(6)); } });
  if (code !== 0) throw new Failure(`${host.name} could not be prepared:\n${stderr.trim().split("\n").slice(-8).map((line) => `  ${line}`).join("\n")}\nMend that and type it again: what is done already is passed over.`);
}
