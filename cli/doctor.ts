import { Failure } from "./failure.ts";
import { useOwnTools, forTesting } from "./setup/index.ts";
import { say } from "./terminal.ts";

/** `./houseline doctor`: each prerequisite, found or missing, with the command that mends it. Changes nothing. */
export async function doctor(args: string[]): Promise<number> {
  if (args.length > 0) throw new Failure("'./houseline doctor' takes nothing: it looks at this machine.");
  useOwnTools();
  say(`found    Node.js: ${process.version} at ${process.execPath}`);
  say("found    npm dependencies of the lock file");
  let missing = 0;
  for (const prerequisite of forTesting) {
    const found = await prerequisite.find();
    if (found === undefined) missing++;
    say(found === undefined ? `missing  ${prerequisite.name}: type ${prerequisite.mend}` : `found    ${prerequisite.name}: ${found}`);
  }
  say();
  say(missing === 0 ? "Everything is here." : `${missing} missing. Nothing was changed.`);
  return missing === 0 ? 0 : 1;
}
