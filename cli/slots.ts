import { setTimeout as delay } from "node:timers/promises";
import { docker, runDocker } from "../pulumi/docker-cli.ts";
import { slots } from "../pulumi/port-ranges.ts";
import { talksIn } from "../pulumi/talks.ts";
import { Failure } from "./failure.ts";
import type { StackContainer } from "../pulumi/stack-containers.ts";
import { ask, say } from "./terminal.ts";

/** Between two looks, and between two reports of who still talks. */
const lookMs = 1_000;
const reportMs = 30_000;
/** In which a release ends after its last call. */
const goneMs = 10_000;

/** What to do when calls in older releases hold every slot: ask (or give up, where nobody can be asked), wait, or wait for at most so many seconds. */
export type Patience = "ask" | "wait" | number;

/**
 * Makes sure that a new release of the switch or the relay finds a slot before anything is changed: one that finds none would only wait, and be taken for a
 * failure. Old releases hold theirs until their last call has ended.
 *
 * @param reference the image that is to be deployed
 * @param what has them: the switch, or the relay, which keeps the calls that go over it as long
 * @throws Failure that says who talks and what can be done
 */
export async function findSlot(switches: readonly StackContainer[], reference: string, patience: Patience, what: "switch" | "relay" = "switch"): Promise<void> {
  const newest = switches.at(-1);
  if (switches.length < slots || newest?.image === reference) return;
  const old = switches.slice(0, -1);
  if (await oneGoes(old)) return;
  const chosen = patience === "ask" ? await choose(await describe(old, what)) : patience;
  const deadline = chosen === "wait" ? Infinity : Date.now() + chosen * 1_000;
  for (let reportAt = 0; ; await delay(lookMs)) {
    const left = await running(old);
    if (left.length < old.length) return;
    if (Date.now() >= deadline) return end(left[0]!);
    if (Date.now() < reportAt) continue;
    reportAt = Date.now() + reportMs;
    say(await describe(left, what));
  }
}

/** One in which nobody talks any more is gone in a moment, which is not worth a question. */
async function oneGoes(old: readonly StackContainer[]): Promise<boolean> {
  for (const end = Date.now() + goneMs; Date.now() < end; await delay(lookMs / 4)) {
    const left = await running(old);
    if (left.length < old.length) return true;
    const talks = await Promise.all(left.map(talksIn));
    if (!talks.some((of) => of?.length === 0)) return false;
  }
  return false;
}

async function choose(taken: string): Promise<Exclude<Patience, "ask">> {
  const ways = "Wait for them with --wait-for-slot, or give the longest of them a limit with --end-after SECONDS. Nothing was changed.";
  const answer = await ask(`${taken}\nWait for them (w), give up (g), or end the oldest after so many seconds (a number)?`);
  if (answer === undefined) throw new Failure(`${taken}\n${ways}`);
  if (/^w/i.test(answer)) return "wait";
  if (/^\d{1,5}$/.test(answer)) return Number(answer);
  throw new Failure("Nothing was changed.");
}

async function describe(old: readonly StackContainer[], what: "switch" | "relay"): Promise<string> {
  const lines = await Promise.all(old.map(async (one) => {
    const talks = await talksIn(one);
    const who = talks === undefined ? "calls" : talks.length === 0 ? "nobody any more" : talks.map(({ people, since }) => `${people} since ${since}`).join(", ");
    return `  ${one.name}, started ${one.startedAt.slice(0, 19).replace("T", " ")}: ${who}`;
  }));
  return `All ${slots} slots of the ${what} are taken: ${old.length} older releases still finish their calls.\n${lines.join("\n")}`;
}

/** A switch's releases are all on its one host. */
async function running(containers: readonly StackContainer[]): Promise<StackContainer[]> {
  const ids = new Set((await docker(containers[0]!.client, ["ps", "--quiet", "--no-trunc"])).split("\n"));
  return containers.filter(({ id }) => ids.has(id));
}

/** Who talks there has been given their time: FreeSWITCH hangs up what is left, as at the drain limit. */
async function end(oldest: StackContainer): Promise<void> {
  say(`  ${oldest.name}: its time is over; ending its calls`);
  if (oldest.role === "freeswitch") await runDocker(oldest.client, ["exec", oldest.id, "fs_cli", "-x", "hupall NORMAL_CLEARING"], { timeoutSeconds: 5 });
  for (const until = Date.now() + 8_000; Date.now() < until; await delay(250)) if ((await running([oldest])).length === 0) return;
  await runDocker(oldest.client, ["kill", oldest.id]);
}
