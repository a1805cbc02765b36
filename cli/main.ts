import { Failure } from "./failure.ts";
import { test } from "./test.ts";

const usage = `Usage: ./houseline COMMAND

  test [--only unit|integration|e2e|freeswitch]   every test, after set-up
`;

const commands: Record<string, (args: string[]) => Promise<number>> = { test };

async function main(args: string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "help" || name === "--help") {
    process.stdout.write(usage);
    return name === undefined ? 1 : 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) throw new Failure(`There is no command '${name}'. Type './houseline help' for the list.`);
  return command(rest);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  process.stderr.write(`houseline: ${error.message}\n`);
  process.exitCode = 1;
}
