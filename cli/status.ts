import { shortName } from "../pulumi/containers.ts";
import { holderOf } from "./stack-lock.ts";
import { environmentOf, readOptions, stackOptions } from "./options.ts";
import { currentRelease, releases, resultOf, type Release } from "./releases.ts";
import { runDocker } from "../pulumi/docker-cli.ts";
import { Refusal } from "../pulumi/refusal.ts";
import { refuseSilent } from "../pulumi/ssh.ts";
import { applicationHosts, eachHost, type StackHost, type StackHosts } from "../pulumi/stack-hosts.ts";
import { loadSettings, type Environment } from "./environment.ts";
import { answerSeconds, hostsOf } from "./hosts.ts";
import { useOwnTools } from "./setup/index.ts";
import { inOrder, isData, isHealthy, slotOf, stackContainers, type StackContainer } from "../pulumi/stack-containers.ts";
import { say } from "./terminal.ts";

/** `./houseline status [stack]`: every container with its release, slot and health, which switch runs, and how the last deployment ended. */
export async function status(args: string[]): Promise<number> {
  const parsed = readOptions("status", args, { ...stackOptions, json: { type: "boolean" } }, 1);
  const target = environmentOf(parsed);
  useOwnTools();
  const settings = loadSettings(target);
  const hosts = await hostsOf(settings, target);
  const release = currentRelease(target);
  const { found, silent } = await lookedAt(hosts, target.stack);
  const containers = await Promise.all(found.map(async (container) => ({
    role: container.role,
    name: container.name,
    id: container.id,
    ...(hosts.softswitch.ssh ? { host: hostWith(container, hosts).name } : {}),
    release: shortName(container.image),
    state: isData(container) ? "data" : container.health ?? container.state,
    slot: container.state === "running" ? await slotOf(container) : undefined,
    serving: isServing(container, found),
    since: container.startedAt,
  })));
  if (parsed.values.json) {
    const newest = releases(target).at(-1);
    say(JSON.stringify({ stack: target.stack, switch: release?.switch, deployedAt: release?.time, lastDeployment: newest && { ...newest, settings: undefined, result: resultOf(target, newest) }, unreachable: silent.length === 0 ? undefined : silent.map(({ host }) => host.name), containers }, null, 2));
    return 0;
  }
  for (const { reason } of silent) say(reason);
  if (containers.length === 0 && silent.length === 0) say(`The stack '${target.stack}' is not deployed. Type './houseline up'.`);
  else if (release) say(`The stack '${target.stack}' runs ${release.switch === "freeswitch" ? "FreeSWITCH" : "the lab switch"}; deployed ${release.time} by ${release.user}.`);
  for (const [index, one] of containers.entries()) {
    const replaced = containers.slice(index + 1).some(({ role, host, serving }) => role === one.role && host === one.host && serving);
    const word = one.serving ? one.state : `${one.state}, ${replaced ? "draining or left over" : "not serving"}`;
    say(`  ${one.role.padEnd(20)} ${one.release.padEnd(14)} ${one.slot === undefined ? "      " : `slot ${one.slot}`}  ${word}${one.host === undefined ? "" : `  ${one.host}`}`);
  }
  for (const { role, host } of containers.length > 0 && release ? services(release, hosts) : []) {
    if (silent.some((one) => one.host === host) || found.some((one) => one.role === role && one.client === host.client && isServing(one, found))) continue;
    say(`Nothing serves as ${role}${hosts.standby ?? hosts.moreApplications ? ` on ${host.name}` : ""}. Type './houseline up'.`);
  }
  if (hosts.standby && silent.some(({ host }) => host === hosts.softswitch)) await tellOfReserve(hosts, found.find((one) => one.role === "app-server" && isServing(one, found)), settings.ports.app);
  tellOfOtherServers(hosts, silent.map(({ host }) => host), found);
  tellOfDeployment(target);
  return 0;
}

/** The containers of the hosts that answer, and why the others don't: one that is lost shall not hide how the rest is. */
async function lookedAt(hosts: StackHosts, stack: string): Promise<{ found: StackContainer[]; silent: { host: StackHost; reason: string }[] }> {
  const all = eachHost(hosts);
  const looks = await Promise.allSettled(all.map(async (host) => {
    if (host.ssh && all.length > 1) await refuseSilent(host.ssh.host, host.ssh.files, answerSeconds);
    return stackContainers([host.client], stack);
  }));
  const silent = looks.flatMap((look, index) => {
    if (look.status === "fulfilled") return [];
    const reason = look.reason as Error;
    if (!(reason instanceof Refusal) || all.length === 1) throw reason;
    return [{ host: all[index]!, reason: reason.message }];
  });
  if (silent.length === all.length) throw new Refusal(silent.map(({ reason }) => reason).join("\n"));
  return { found: inOrder(looks.flatMap((look) => (look.status === "fulfilled" ? look.value : []))), silent };
}

const hostWith = ({ client }: StackContainer, hosts: StackHosts): StackHost => eachHost(hosts).find((host) => host.client === client)!;

/** What is to run on each host. */
function services({ switch: kind, images }: Release, hosts: StackHosts): { role: string; host: StackHost }[] {
  const on = (host: StackHost, ...roles: string[]) => roles.map((role) => ({ role, host }));
  return [...on(hosts.softswitch, kind, "softswitch-edge"), ...applicationHosts(hosts).flatMap((host) => on(host, "app-server", "app-server-edge")), ...(images.turn === undefined ? [] : on(hosts.softswitch, "turn")), ...(hosts.standby ? on(hosts.standby, kind, "softswitch-edge") : [])];
}

/** Of each role on each host the newest that is healthy: application servers and edges, and people by them, go there. */
function isServing(container: StackContainer, all: readonly StackContainer[]): boolean {
  return all.findLast((one) => one.role === container.role && one.client === container.client && isHealthy(one))?.id === container.id;
}

/** Where the application server sends people while the first softswitch's host is silent to us: it may reach it all the same. */
async function tellOfReserve({ standby, softswitch }: StackHosts, server: StackContainer | undefined, port: number): Promise<void> {
  const rank = server && await rankOf(server, port);
  if (rank === 0) say(`The application server reaches ${softswitch.name} all the same: calls go on there.`);
  if (rank === 1) say(`The softswitch in reserve, on ${standby!.name}, takes the calls. When the host is back people go back to it; another machine in its place is given as 'houseline:hosts.softswitch', then type './houseline up'.`);
}

/** Where people are while an application server's host is silent. */
function tellOfOtherServers(hosts: StackHosts, silent: readonly StackHost[], found: readonly StackContainer[]): void {
  const all = applicationHosts(hosts);
  const lost = all.filter((host) => silent.includes(host));
  const serving = all.filter(({ client }) => found.some((one) => one.role === "app-server" && one.client === client && isServing(one, found)));
  if (lost.length === 0 || serving.length === 0) return;
  say(`The application server on ${serving.map(({ name }) => name).join(" and ")} has everybody who was at ${lost.length === 1 ? "the lost one" : "the lost ones"}. When a host is back nothing is to be typed; another machine in its place is given as ${lost.map((host) => `'houseline:hosts.${host === hosts.application ? "application" : `moreApplications.${hosts.moreApplications!.indexOf(host)}`}'`).join(" and ")}, then type './houseline up'.`);
}

/** Which of the softswitches people are sent to, asked of the application server from within: its figures are on its host's loopback. */
async function rankOf(server: StackContainer, port: number): Promise<number | undefined> {
  const ask = `fetch("http://127.0.0.1:${port + (await slotOf(server) ?? 0)}/metrics").then((answer) => answer.text()).then(console.log)`;
  const { stdout } = await runDocker(server.client, ["exec", server.id, "node", "--eval", ask], { timeoutSeconds: answerSeconds });
  const rank = /^houseline_switch_rank (-?\d+)$/m.exec(stdout)?.[1];
  return rank === undefined ? undefined : Number(rank);
}

function tellOfDeployment(target: Environment): void {
  const holder = holderOf(target);
  if (holder) return say(`'${holder.command}' by ${holder.user} (process ${holder.pid}, since ${holder.since}) is at work.`);
  const newest = releases(target).at(-1);
  if (newest === undefined || newest.result === "deployed") return;
  const { command, user, time } = newest;
  say(newest.result === "begun"
    ? `'./houseline ${command}' by ${user}, begun ${time}, was interrupted. Type './houseline up' to finish it.`
    : `'./houseline ${command}' by ${user}, begun ${time}, failed; what served before goes on. Mend the cause and type './houseline up'.`);
}
