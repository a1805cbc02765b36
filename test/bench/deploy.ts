/** Seconds of deploying, beside an empty Pulumi program and beside Docker Compose, in one run. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { pulumiHome } from "../../cli/paths.ts";
import { Deployment, root, type CommandResult } from "../support/deployment.ts";
import { docker } from "../support/docker.ts";
import { Compose } from "./compose.ts";
import { Copy } from "./copy.ts";
import { median, report, seconds } from "./figures.ts";

const run = promisify(execFile);
const ownImages = ["app-server", "edge", "lab-switch"];

const work = await mkdtemp(join(tmpdir(), "houseline-bench-"));
const copy = await Copy.make();
const originals = new Set((await docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}")).split("\n"));
const built = new Set<string>();
let deployment: Deployment | undefined;
let compose: Compose | undefined;
try {
  await measure();
} finally {
  await compose?.remove();
  await deployment?.remove();
  for (const image of built) await docker("rmi", "--force", image).catch(() => undefined);
  await copy.remove();
  await rm(work, { recursive: true, force: true });
}

async function measure(): Promise<void> {
  const floor = () => run(process.execPath, [join(root, "test/bench/empty-program.ts"), work], { env: { ...process.env, PULUMI_HOME: pulumiHome } });
  await floor();

  deployment = await Deployment.prepare({ drainSeconds: 60, dataDirectory: join(work, "data") });
  await deployment.up();
  await deployment.run("down", "--yes", "--data");
  const first = (await deployment.up()).seconds;

  // One after the other, so that whatever else the machine does meets both.
  const [floors, unchanged]: [number[], number[]] = [[], []];
  for (let i = 0; i < 5; i++) {
    floors.push(...await seconds(1, floor));
    unchanged.push((await deployment.up()).seconds);
  }
  report({ name: "up of an empty Pulumi program (the floor), median of 5", value: median(floors), unit: "s" });
  report({ name: "up with nothing to change, median of 5", value: median(unchanged), unit: "s", peer: median(floors), goal: "at most 1.5 times the floor", ok: median(unchanged) <= 1.5 * median(floors) });

  await oneLineChange(deployment, median(unchanged));
  await againstCompose(deployment, first);
  await withoutCache(deployment);
}

/** The same stack, deployed from the copy. */
async function upFromCopy(stack: Deployment): Promise<CommandResult> {
  const result = await stack.upFrom(copy.directory);
  for (const { image } of await stack.containers()) if (!originals.has(image)) built.add(image);
  return result;
}


async function oneLineChange(stack: Deployment, unchanged: number): Promise<void> {
  const before = (await stack.container("app-server")).image;
  await copy.edit("app/server/log.ts", (text) => `${text}// a line of the bench, ${Date.now()}\n`);
  const { seconds: taken } = await upFromCopy(stack);
  const after = (await stack.container("app-server")).image;
  report({ name: "up after a one-line change in the application server", value: taken, unit: "s", peer: unchanged, goal: "at most 10 s more than nothing to change", ok: taken <= unchanged + 10 });
  const bytes = await newLayerBytes(before, after);
  report({ name: "bytes of new image layers of that change", value: bytes, unit: "bytes", goal: "under 1 MB", ok: bytes < 1e6 });
  // Back, so that the next deployments begin from the same.
  await stack.up();
}

async function againstCompose(stack: Deployment, first: number): Promise<void> {
  compose = await Compose.of(stack.stack, work, JSON.parse(process.env.HOUSELINE_COMPOSE!) as string[]);
  const running = (await stack.containers()).filter(({ state }) => state === "running");
  await Promise.all(running.map(({ id }) => docker("stop", id)));
  const taken: number[] = [];
  for (let i = 0; i < 3; i++) {
    taken.push(...await seconds(1, () => compose!.up()));
    await compose.down();
  }
  await stack.run("down", "--yes", "--data");
  report({ name: "first up with the images there", value: first, unit: "s", peer: median(taken) });
}

/** Every image of ours built from its first line; the base images and what npm has cached stay. */
async function withoutCache(stack: Deployment): Promise<void> {
  for (const image of ownImages) await copy.edit(`images/${image}/Dockerfile`, (text) => text.replaceAll(/^(FROM .*)$/gm, `$1\nRUN true ${Date.now()}`));
  const { seconds: taken } = await upFromCopy(stack);
  report({ name: "first up with every image but the sounds built from its first line", value: taken, unit: "s" });
}

/** Bytes, before compression, of an image's layers that another doesn't have. */
async function newLayerBytes(before: string, after: string): Promise<number> {
  const layersOf = async (image: string) => JSON.parse(await docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", image)) as string[];
  const old = new Set(await layersOf(before));
  const layers = await layersOf(after);
  // The newest first; instructions that add no layer have no bytes.
  const sizes = (await docker("history", "--no-trunc", "--human=false", "--format", "{{.Size}}", after)).split("\n").map(Number).reverse();
  const fresh = layers.filter((layer) => !old.has(layer)).length;
  // A layer without bytes is passed over here, which counts one too many rather than one too few.
  return sizes.filter((size) => size > 0).slice(-fresh).reduce((sum, size) => sum + size, 0);
}
