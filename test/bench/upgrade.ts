/** What an upgrade does to people who talk: ours, and the same one by Docker Compose with the same images, on FreeSWITCH, in one run. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { docker } from "../support/docker.ts";
import { LoadedScene, type Outcome } from "../support/upgrade-load.ts";
import { Compose } from "./compose.ts";
import { report } from "./figures.ts";

const calls = Number(process.env.HOUSELINE_BENCH_CALLS ?? 20);
const clients = Number(process.env.HOUSELINE_BENCH_CLIENTS ?? 200);
/** Three calls are heard in Chromium, one is transferred in the middle of it, and two agents are in one room. */
const size = { light: Math.max(2, calls - 3), clients };
/** Seconds in which the people of a scene are watched. */
const watched = 20;

type Role = "freeswitch" | "app-server" | "softswitch-edge";
/** Where the configuration names an image of a role. */
const names = { "app-server": "appServer", "softswitch-edge": "edge" } as const;

const work = await mkdtemp(join(tmpdir(), "houseline-bench-"));
const ours = new Map<string, Outcome>();
try {
  await measureOurs();
  const theirs = await measureCompose();
  for (const [name, outcome] of ours) tell(name, outcome, theirs.get(name));
} finally {
  await rm(work, { recursive: true, force: true });
}
process.exit();

async function measureOurs(): Promise<void> {
  const scene = await LoadedScene.open(size);
  try {
    const chosen: Record<string, string> = {};
    const upgrade = async (name: string, ...roles: Role[]) => {
      const images = await scene.nextImages(...roles);
      const sound = await scene.deployment.container("freeswitch-sound");
      for (const [role, image] of Object.entries(images)) if (role !== "freeswitch") chosen[names[role as keyof typeof names]] = image;
      note(name, await scene.during(async () => {
        await scene.deployment.configure({ images: chosen, ...(images["freeswitch"] && { freeswitch: { image: images["freeswitch"] } }) });
        await scene.deployment.up("--no-wait");
      }, watched));
      const now = await scene.deployment.container("freeswitch-sound");
      if (now.id !== sound.id || now.image !== sound.image) throw new Error("The sounds were replaced.");
    };
    note("nothing upgraded", await scene.during(async () => {}, watched));
    const old = scene.container("freeswitch");
    await upgrade("switch", "freeswitch");
    await upgrade("application server", "app-server");
    await upgrade("edges", "softswitch-edge");
    await upgrade("everything at once", "freeswitch", "app-server", "softswitch-edge");
    note("rollback", await scene.during(async () => {
      const { code, stderr } = await scene.deployment.run("rollback", "--yes", "--no-wait", "--wait-for-slot");
      if (code !== 0) throw new Error(`rollback failed: ${stderr}`);
    }, watched));
    const { seconds, code } = await scene.hangUp(old);
    report({ name: "the switch that was replaced is gone after its last call", value: seconds, unit: "s", goal: "at most 6 s, exit code 0", ok: seconds <= 6 && code === 0 });
  } finally {
    await scene.end();
  }
}

async function measureCompose(): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  let compose: Compose | undefined;
  const scene = await LoadedScene.open(size, async (deployment) => {
    compose = await Compose.of(deployment.stack, work, JSON.parse(process.env.HOUSELINE_COMPOSE!) as string[]);
    await docker("stop", ...(await deployment.containers()).filter(({ state }) => state === "running").map(({ id }) => id));
    await compose.up();
  });
  try {
    for (const [name, role] of [["application server", "app-server"], ["edges", "softswitch-edge"], ["switch", "freeswitch"]] as const) {
      const { [role]: image } = await scene.nextImages(role);
      const outcome = await scene.during(async () => {
        await compose!.replace(scene.container(role).image, image!);
        await compose!.up();
      }, watched);
      process.stderr.write(`  by Compose, ${name}: ${JSON.stringify(outcome)}\n`);
      outcomes.set(name, outcome);
    }
  } finally {
    await compose?.remove();
    await scene.end();
  }
  return outcomes;
}

function note(name: string, outcome: Outcome): void {
  process.stderr.write(`  ${name}: ${JSON.stringify(outcome)}\n`);
  ours.set(name, outcome);
}

/** @param theirs the same by Docker Compose, where that was measured */
function tell(name: string, outcome: Outcome, theirs: Outcome | undefined): void {
  const line = (what: string, unit: string, pick: (of: Outcome) => number, goal?: string, ok?: boolean) => report({
    name: `${name}: ${what}`, value: pick(outcome), unit, ...(theirs && { peer: pick(theirs) }), ...(goal !== undefined && { goal, ok: ok ?? pick(outcome) === 0 }),
  });
  const calm = ours.get("nothing upgraded")!;
  line("the command took", "s", ({ took }) => took);
  line("calls ended", "calls", ({ callsLost }) => callsLost, "0");
  line("calls silent for 2 s or longer", "calls", ({ callsCut }) => callsCut, "0");
  line("longest for which the switch kept or made no voice", "ms", ({ switchGap }) => switchGap, "100 ms", outcome.switchGap <= 100);
  line("longest gap heard in Chromium", "ms", ({ heardGap }) => heardGap, "100 ms, or as without an upgrade", outcome.heardGap <= Math.max(100, calm.heardGap));
  line("the same in a room", "ms", ({ heardRoomGap }) => heardRoomGap, "100 ms, or as long as who speaks there sent nothing", outcome.heardRoomGap <= Math.max(100, outcome.roomPause));
  line("longest time in which who speaks in that room sent nothing", "ms", ({ roomPause }) => roomPause);
  line("longest time in which one of those browsers sent nothing", "ms", ({ browserPause }) => browserPause);
  line("longest gap of light agents", "ms", ({ lightGap }) => lightGap, "100 ms, or as without an upgrade", outcome.lightGap <= Math.max(100, calm.lightGap));
  line("their process itself stood still", "ms", ({ stalled }) => stalled);
  line(`new calls that failed, of ${outcome.newCalls}`, "calls", ({ newCallsFailed }) => newCallsFailed, "0");
  if (outcome.registered > 0) line("everybody registered at the new switch", "ms", ({ registered }) => registered, "5,000 ms", outcome.registered <= 5_000);
  line("events lost or doubled", "events", ({ eventsLost, eventsDoubled }) => eventsLost + eventsDoubled, "0");
  line(`messages lost or doubled, of ${outcome.messages}`, "messages", ({ messagesLost, messagesDoubled }) => messagesLost + messagesDoubled, "0");
  line("errors that say nothing of trying again", "errors", ({ wrongErrors }) => wrongErrors, "0");
  line("longest time of a session without its server", "ms", ({ longestAway }) => longestAway, "2,000 ms", outcome.longestAway <= 2_000);
  line("longest time in which nobody could sign in", "ms", ({ unready }) => unready);
}
