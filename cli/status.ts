import { shortName } from "../pulumi/containers.ts";
import { holderOf } from "./stack-lock.ts";
import { environmentOf, readOptions, stackOptions } from "./options.ts";
import { currentRelease, releases, resultOf, type Release } from "./releases.ts";
import { clientsOf, eachHost } from "../pulumi/stack-hosts.ts";
import { loadSettings, type Environment } from "./environment.ts";
import { hostsOf } from "./hosts.ts";
import { useOwnTools } from "./setup/index.ts";
import { isData, isHealthy, slotOf, stackContainers, type StackContainer } from "../pulumi/stack-containers.ts";
import { say } from "./terminal.ts";

/** `./houseline status [stack]`: every container with its release, slot and health, which switch runs, and how the last deployment ended. */
export async function status(args: string[]): Promise<number> {
  const parsed = readOptions("status", args, { ...stackOptions, json: { type: "boolean" } }, 1);
  const target = environmentOf(parsed);
  useOwnTools();
  const hosts = await hostsOf(loadSettings(target), target);
  const release = currentRelease(target);
  const found = await stackContainers(clientsOf(hosts), target.stack);
  const containers = await Promise.all(found.map(async (container) => ({
    role: container.role,
    name: container.name,
    id: container.id,
    ...(hosts.softswitch.ssh ? { host: eachHost(hosts).find(({ client }) => client === container.client)!.name } : {}),
    release: shortName(container.image),
    state: isData(container) ? "data" : container.health ?? container.state,
    slot: container.state === "running" ? await slotOf(container) : undefined,
    serving: isServing(container, found),
    since: container.startedAt,
  })));
  if (parsed.values.json) {
    const newest = releases(target).at(-1);
    say(JSON.stringify({ stack: target.stack, switch: release?.switch, deployedAt: release?.time, lastDeployment: newest && { ...newest, settings: undefined, result: resultOf(target, newest) }, containers }, null, 2));
    return 0;
  }
  if (containers.length === 0) say(`The stack '${target.stack}' is not deployed. Type './houseline up'.`);
  else if (release) say(`The stack '${target.stack}' runs ${release.switch === "freeswitch" ? "FreeSWITCH" : "the lab switch"}; deployed ${release.time} by ${release.user}.`);
  for (const [index, one] of containers.entries()) {
    const replaced = containers.slice(index + 1).some(({ role, serving }) => role === one.role && serving);
    const word = one.serving ? one.state : `${one.state}, ${replaced ? "draining or left over" : "not serving"}`;
    say(`  ${one.role.padEnd(20)} ${one.release.padEnd(14)} ${one.slot === undefined ? "      " : `slot ${one.slot}`}  ${word}${one.host === undefined ? "" : `  ${one.host}`}`);
  }
  for (const role of containers.length > 0 && release ? services(release) : []) {
    if (!containers.some((one) => one.role === role && one.serving)) say(`Nothing serves as ${role}. Type './houseline up'.`);
  }
  tellOfDeployment(target);
  return 0;
}

const services = ({ switch: kind, images }: Release) => [kind, "softswitch-edge", "app-server", "app-server-edge", ...(images.turn === undefined ? [] : ["turn"])];

/** Of each role the newest that is healthy: application servers and edges, and people by them, go there. */
function isServing(container: StackContainer, all: readonly StackContainer[]): boolean {
  return all.findLast((one) => one.role === container.role && isHealthy(one))?.id === container.id;
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
