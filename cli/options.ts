import { parseArgs, type ParseArgsConfig } from "node:util";
import { didYouMean } from "../pulumi/nearest.ts";
import { environment, type Environment } from "./environment.ts";
import { Failure } from "./failure.ts";

type Options = NonNullable<ParseArgsConfig["options"]>;

/**
 * Reads a command's options; anything else is refused with what the command takes.
 *
 * @param words what it takes beside options, as its usage has it
 */
export function readOptions<T extends Options>(command: string, args: string[], options: T, most = 0, words = "[stack]") {
  const usage = `Type './houseline ${command}${most > 0 ? ` ${words}` : ""}${Object.keys(options).map((name) => ` [--${name}${options[name]!.type === "string" ? " …" : ""}]`).join("")}'.`;
  try {
    const parsed = parseArgs({ args, options, allowPositionals: true });
    if (parsed.positionals.length > most) throw new Failure(`'./houseline ${command}' does not take '${parsed.positionals[most]}'. ${usage}`);
    return parsed;
  } catch (error) {
    if (error instanceof Failure) throw error;
    const unknown = args.find((word) => word.startsWith("--") && !(word.slice(2).split("=")[0]! in options));
    const sentence = unknown ? `'./houseline ${command}' has no option '${unknown}'${didYouMean(unknown.slice(2), Object.keys(options)) || "."}` : `${(error as Error).message.split(". ")[0]}.`;
    throw new Failure(`${sentence} ${usage}`);
  }
}

/** Options of every command that works on a stack. */
export const stackOptions = { config: { type: "string" } } as const;

export function environmentOf({ positionals, values }: { positionals: string[]; values: { config?: string } }): Environment {
  return environment(positionals[0], values.config);
}
