import { fullDisk } from "../pulumi/full-disk.ts";
import { Refusal } from "../pulumi/refusal.ts";
import { Failure } from "./failure.ts";
import { goOnUnread } from "./terminal.ts";

const usage = `Usage: ./houseline COMMAND

  up [stack] [--yes] [--no-wait]                  deploys: set-up, images, containers; prints where to go
  upgrade [stack] [--yes] [--no-wait]             the same, telling who still talks on the old release
  preview [stack]                                 what 'up' would do to each container, in words; changes nothing
  rollback [stack] [--yes] [--no-wait]            deploys the release before this one
                                                  (each with [--wait-for-slot | --end-after SECONDS], when old calls hold every slot)
  history [stack] [--json]                        every deployment: when, who, what, how it ended
  status [stack] [--json]                         releases, slots and health
  outputs [stack] [--json]                        what DNS, the CRM and the monitoring are to be told
  images [stack] [--json]                         every image: tag, built or not, size
    --explain IMAGE | --build | --rebuild IMAGE   why it changed; builds; builds again and compares
    --publish REGISTRY                            builds what a registry lacks and sends it there
    --update                                      writes the lock files anew, and says what changed
    --check                                       starts and looks through each; what --publish does first
    --plan                                        what this host would download for an upgrade
  backup [stack] [--to FILE]                      people, messages, history and voicemail into one file
  restore [stack] --from FILE [--yes]             puts a backup in the place of the data, which is moved aside
  down [stack] [--yes] [--data]                   removes what 'up' made; people's data only with --data
  user add|list|role|passwd|remove …              people of a stack that runs here; 'user' alone says how
  token add|list|revoke …                         API tokens of its servers
  doctor [stack | root@HOST]                      what is missing on this machine, a stack's hosts or a host, and what mends it;
                                                  of a stack that runs, whether connections and media get through to it
  prepare root@HOST [--yes] [--harden-ssh]        sets a Debian or Ubuntu up as a host
  bench NAME [--json]                             measures, side by side with the peer
  test [--only unit|integration|e2e|freeswitch|long]
                                                  every test, after set-up; long scenes last, begun within 27 minutes
`;

type Command = (args: string[]) => Promise<number>;

/** Each is loaded when it is asked for: Pulumi's SDK, which some need, takes half a second. */
const commands: Record<string, () => Promise<Command>> = {
  up: async () => (await import("./up.ts")).up,
  upgrade: async () => (await import("./up.ts")).upgrade,
  preview: async () => (await import("./preview.ts")).preview,
  rollback: async () => (await import("./rollback.ts")).rollback,
  history: async () => (await import("./rollback.ts")).history,
  status: async () => (await import("./status.ts")).status,
  outputs: async () => (await import("./outputs.ts")).outputs,
  images: async () => (await import("./images/index.ts")).images,
  backup: async () => (await import("./backup.ts")).backup,
  restore: async () => (await import("./backup.ts")).restore,
  down: async () => (await import("./down.ts")).down,
  user: async () => (await import("./user.ts")).user,
  token: async () => (await import("./token.ts")).token,
  doctor: async () => (await import("./doctor.ts")).doctor,
  prepare: async () => (await import("./prepare.ts")).prepare,
  bench: async () => (await import("./bench.ts")).bench,
  test: async () => (await import("./test.ts")).test,
};

async function main(args: string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "help" || name === "--help") {
    process.stdout.write(usage);
    return name === undefined ? 1 : 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) throw new Failure(`There is no command '${name}'. Type './houseline help' for the list.`);
  return (await command())(rest);
}

goOnUnread();
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const known = error instanceof Failure || error instanceof Refusal ? error.message : fullDisk((error as Error).message);
  if (known === undefined) throw error;
  process.stderr.write(`houseline: ${known}\n`);
  process.exitCode = 1;
}
