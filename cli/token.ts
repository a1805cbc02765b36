import { Failure } from "./failure.ts";
import { readOptions, stackOptions } from "./options.ts";
import { say } from "./terminal.ts";
import { open } from "./user.ts";

const usage = `Usage: ./houseline token …

  token add NAME --scopes calls,supervise.see [--user NAME] [--days N]   prints the token, this once
  token list [--json]
  token revoke NAME

Scopes are permissions (docs/protocol.md). Each takes --stack STACK (default 'local') and --config FILE.`;

interface Token { id: string; name: string; user?: string; scopes: string[]; lastUsedAt?: number; expiresAt?: number }

const common = { ...stackOptions, stack: { type: "string" } } as const;
const dayMs = 86_400_000;

/** `./houseline token …`: API tokens of a stack that runs on this machine. */
export async function token(args: string[]): Promise<number> {
  const [verb = "", ...rest] = args;
  const command = Object.hasOwn(verbs, verb) ? verbs[verb as keyof typeof verbs] : undefined;
  if (command) return command(rest);
  if (verb === "" || verb === "help" || verb === "--help") say(usage);
  else throw new Failure(`There is no './houseline token ${verb}'. Type './houseline token' for what there is.`);
  return verb === "" ? 1 : 0;
}

const verbs = { add, list, revoke };

async function add(args: string[]): Promise<number> {
  const { positionals: [name = ""], values } = readOptions("token add", args, { ...common, scopes: { type: "string" }, user: { type: "string" }, days: { type: "string" } }, 1, "NAME");
  if (name === "" || !values.scopes) throw new Failure("Give a name and what the token may do, such as: ./houseline token add crm --scopes calls,supervise.see");
  const days = values.days === undefined ? undefined : Number(values.days);
  if (days !== undefined && !(Number.isInteger(days) && days >= 1 && days <= 3_650)) throw new Failure(`--days takes a whole number from 1 to 3650; it was given '${values.days}'.`);
  const made = await (await open(values)).ask<Token & { token: string }>("POST", "/tokens", {
    name, scopes: values.scopes.split(",").map((scope) => scope.trim()), ...(values.user === undefined ? {} : { user: values.user }), ...(days === undefined ? {} : { expiresAt: Date.now() + days * dayMs }),
  });
  say(`The token '${made.name}' may: ${made.scopes.join(", ")}${made.user === undefined ? "" : `, as ${made.user}`}. It is shown this once:`);
  say(made.token);
  return 0;
}

async function list(args: string[]): Promise<number> {
  const { values } = readOptions("token list", args, { ...common, json: { type: "boolean" } });
  const { tokens } = await (await open(values)).ask<{ tokens: Token[] }>("GET", "/tokens");
  if (values.json) say(JSON.stringify(tokens, null, 2));
  else if (tokens.length === 0) say("There is no token yet, but for the stack's own.");
  else for (const one of tokens) say(`  ${one.name.padEnd(24)} ${(one.user ?? "a server").padEnd(20)} ${day("used", one.lastUsedAt) || "never used"}${day(", until", one.expiresAt)}  ${one.scopes.join(",")}`);
  return 0;
}

async function revoke(args: string[]): Promise<number> {
  const { positionals: [name = ""], values } = readOptions("token revoke", args, common, 1, "NAME");
  if (name === "") throw new Failure("Give the token's name, such as: ./houseline token revoke crm");
  const api = await open(values);
  const found = (await api.ask<{ tokens: Token[] }>("GET", "/tokens")).tokens.find((one) => one.name === name || one.id === name);
  if (!found) throw new Failure(`There is no token '${name}'. Type './houseline token list' for those that there are.`);
  await api.ask("DELETE", `/tokens/${found.id}`);
  say(`The token '${found.name}' is revoked, and every session that it began has ended.`);
  return 0;
}

const day = (word: string, time: number | undefined) => time === undefined ? "" : `${word} ${new Date(time).toISOString().slice(0, 10)}`;
