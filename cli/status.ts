import { environmentOf, readOptions, stackOptions } from "./options.ts";
import { currentRelease } from "./releases.ts";
import { dockerClient } from "./setup/docker-engine.ts";
import { useOwnTools } from "./setup/index.ts";
import { isData, slotOf, stackContainers } from "./stack-containers.ts";
import { say } from "./terminal.ts";

/** `./houseline status [stack]`: every container with its release, slot and health, and which switch runs. */
export async function status(args: string[]): Promise<number> {
  const parsed = readOptions("status", args, { ...stackOptions, json: { type: "boolean" } }, 1);
  const target = environmentOf(parsed);
  useOwnTools();
  const client = dockerClient();
  const release = currentRelease(target);
  const containers = await Promise.all((await stackContainers(client, target.stack)).map(async (container) => ({
    role: container.role,
    name: container.name,
    id: container.id,
    release: container.image.slice(container.image.lastIndexOf(":") + 1),
    state: isData(container) ? "data" : container.health ?? container.state,
    slot: container.state === "running" ? await slotOf(client, container) : undefined,
    serving: isData(container) || (release?.containers.includes(container.id) ?? false),
    since: container.startedAt,
  })));
  if (parsed.values.json) {
    say(JSON.stringify({ stack: target.stack, switch: release?.switch, deployedAt: release?.time, containers }, null, 2));
    return 0;
  }
  if (containers.length === 0) {
    say(`The stack '${target.stack}' is not deployed. Type './houseline up'.`);
    return 0;
  }
  if (release) say(`The stack '${target.stack}' runs ${release.switch === "freeswitch" ? "FreeSWITCH" : "the lab switch"}; deployed ${release.time} by ${release.user}.`);
  for (const one of containers) {
    const word = one.serving ? one.state : `${one.state}, draining or left over`;
    say(`  ${one.role.padEnd(20)} ${one.release.padEnd(14)} ${one.slot === undefined ? "      " : `slot ${one.slot}`}  ${word}`);
  }
  return 0;
}
