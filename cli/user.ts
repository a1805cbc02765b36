import { environment } from "./environment.ts";
import { Failure } from "./failure.ts";
import { readOptions, stackOptions } from "./options.ts";
import { StackApi } from "./stack-api.ts";
import { confirm, say } from "./terminal.ts";

const usage = `Usage: ./houseline user …

  user add NAME "Full Name" [--extension N] [--role member|supervisor|admin]   prints a password, this once
  user list [--search TEXT] [--json]
  user role NAME member|supervisor|admin
  user passwd NAME                              makes a new password, prints it this once, signs them out
  user remove NAME [--yes]

Each takes --stack STACK (default 'local') and --config FILE.`;

interface Account { user: string; name: string; extension: string; role: string; presence: string; hasPassword: boolean }

const common = { ...stackOptions, stack: { type: "string" } } as const;

/** `./houseline user …`: people of a stack that runs on this machine, by its REST API. */
export async function user(args: string[]): Promise<number> {
  const [verb = "", ...rest] = args;
  const command = Object.hasOwn(verbs, verb) ? verbs[verb as keyof typeof verbs] : undefined;
  if (command) return command(rest);
  if (verb === "" || verb === "help" || verb === "--help") say(usage);
  else throw new Failure(`There is no './houseline user ${verb}'. Type './houseline user' for what there is.`);
  return verb === "" ? 1 : 0;
}

const verbs = { add, list, role, passwd, remove };

async function add(args: string[]): Promise<number> {
  const { positionals: [name = "", fullName], values } = readOptions("user add", args, { ...common, extension: { type: "string" }, role: { type: "string" } }, 2, 'NAME "Full Name"');
  if (name === "" || fullName === undefined) throw new Failure(`Give a user name and a full name, such as: ./houseline user add anna "Anna Petrova"`);
  const api = await open(values);
  const { person, password } = await api.ask<{ person: Account; password: string }>("POST", "/people", { user: name, name: fullName, ...(values.extension === undefined ? {} : { extension: values.extension }), ...(values.role === undefined ? {} : { role: values.role }) });
  say(`${person.name} is there as '${person.user}', extension ${person.extension}, ${person.role}.`);
  say(`Password: ${password}`);
  return 0;
}

async function list(args: string[]): Promise<number> {
  const { values } = readOptions("user list", args, { ...common, search: { type: "string" }, json: { type: "boolean" } });
  const people = await everybody(await open(values), values.search);
  if (values.json) say(JSON.stringify(people, null, 2));
  else if (people.length === 0) say("There is nobody yet. Type './houseline user add' and a name.");
  else for (const one of people) say(`  ${one.user.padEnd(20)} ${one.extension.padEnd(7)} ${one.role.padEnd(11)} ${one.presence.padEnd(15)} ${one.name}${one.hasPassword ? "" : " (by token alone)"}`);
  return 0;
}

async function role(args: string[]): Promise<number> {
  const { positionals: [name = "", to = ""], values } = readOptions("user role", args, common, 2, "NAME ROLE");
  if (name === "" || to === "") throw new Failure("Give a user name and a role, such as: ./houseline user role anna admin");
  const { person } = await (await open(values)).ask<{ person: Account }>("PATCH", `/people/${encodeURIComponent(name)}`, { role: to });
  say(`${person.name} is ${person.role} now.`);
  return 0;
}

async function passwd(args: string[]): Promise<number> {
  const { positionals: [name = ""], values } = readOptions("user passwd", args, common, 1, "NAME");
  if (name === "") throw new Failure("Give a user name, such as: ./houseline user passwd anna");
  const { password } = await (await open(values)).ask<{ password: string }>("POST", `/people/${encodeURIComponent(name)}/password`, {});
  say(`Every device of '${name}' is signed out.`);
  say(`Password: ${password}`);
  return 0;
}

async function remove(args: string[]): Promise<number> {
  const { positionals: [name = ""], values } = readOptions("user remove", args, { ...common, yes: { type: "boolean" } }, 1, "NAME");
  if (name === "") throw new Failure("Give a user name, such as: ./houseline user remove anna");
  const api = await open(values);
  const { person } = await api.ask<{ person: Account }>("GET", `/people/${encodeURIComponent(name)}`);
  const agreed = values.yes || await confirm(`Remove ${person.name} ('${person.user}') with their sessions, tokens and history?`);
  if (agreed === undefined) throw new Failure("Nobody can be asked here: add --yes to have it done.");
  if (!agreed) {
    say("Nothing was removed.");
    return 1;
  }
  await api.ask("DELETE", `/people/${encodeURIComponent(name)}`);
  say(`${person.name} was removed.`);
  return 0;
}

export async function open({ stack, config }: { stack?: string | undefined; config?: string | undefined }): Promise<StackApi> {
  return StackApi.open(environment(stack, config));
}

async function everybody(api: StackApi, search: string | undefined): Promise<Account[]> {
  const all: Account[] = [];
  for (let after = ""; ;) {
    const query = new URLSearchParams({ limit: "100", ...(after === "" ? {} : { after }), ...(search === undefined ? {} : { search }) });
    const { people } = await api.ask<{ people: Account[] }>("GET", `/people?${query}`);
    all.push(...people);
    // A search is one page: the best found.
    if (people.length < 100 || search !== undefined) return all;
    after = people.at(-1)!.user;
  }
}
