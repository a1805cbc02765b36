/** Builds of each image, their sizes, and what an upgrade moves to a host, beside one single image with everything in it. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../pulumi/process.ts";
import { Registry } from "../../pulumi/registry.ts";
import { AptSource } from "../support/apt-source.ts";
import { Deployment, type CommandResult } from "../support/deployment.ts";
import { Engine, noEngine } from "../support/engine.ts";
import { TestRegistry } from "../support/registry.ts";
import { Copy } from "./copy.ts";
import { median, report } from "./figures.ts";
import { SingleImage, type Layout } from "./single.ts";

interface Listed { image: string; reference: string }
interface Published { images: { image: string; digest: string; sentBytes: number }[] }

const source = process.env.HOUSELINE_FREESWITCH_APT;
const leftOut = "FreeSWITCH is left out: its builds, its sizes, the upgrade of a package of its, and its part of the single image. Set HOUSELINE_FREESWITCH_APT to a line of an apt source with its packages ('deb https://… bookworm main') to measure them.";
const megabytes = (bytes: number) => bytes / 1e6;
const names = ["secrets", "freeswitch-sound", "edge", "app-server", "lab-switch", ...(source === undefined ? [] : ["freeswitch"])];
/** What changes most in each, and how. */
const edits: Record<string, [file: string, line: string]> = {
  "secrets": ["images/secrets/README", "A line of the bench."],
  "freeswitch-sound": ["images/freeswitch-sound/prompts.en.tsv", "houseline/of-the-bench\tThis is a line of the bench."],
  "edge": ["app/sip-gate/main.ts", "// a line of the bench"],
  "app-server": ["app/server/log.ts", "// a line of the bench"],
  "lab-switch": ["app/lab-switch/log.ts", "// a line of the bench"],
  "freeswitch": ["images/freeswitch/conf/vars.xml", "<!-- a line of the bench -->"],
};

if (noEngine !== undefined) {
  process.stderr.write(`houseline: This bench starts Docker engines of its own, which can't be here: ${noEngine}.\n`);
  process.exit(1);
}
if (source === undefined) process.stderr.write(`  ${leftOut}\n`);
const ends: (() => Promise<unknown>)[] = [];
const keep = <T>(made: T, end: (made: T) => Promise<unknown>): T => {
  ends.push(() => end(made));
  return made;
};
try {
  await measure();
} finally {
  for (const end of ends.reverse()) await end();
  if (source === undefined) process.stderr.write(`  ${leftOut}\n`);
}

async function measure(): Promise<void> {
  const apt = source === undefined ? undefined : keep(await AptSource.start(source), (made) => made.close());
  if (apt) process.env.HOUSELINE_FREESWITCH_APT = apt.line;
  const registry = keep(await TestRegistry.start(), (made) => made.stop());
  const copy = keep(await Copy.make(), (made) => made.remove());
  // CI's machine: it has the base images and nothing else. Hosts have nothing.
  const builder = keep(await Engine.create("builder", { images: ["debian:bookworm-slim", "node:24-bookworm-slim", "caddy:2"] }), (made) => made.remove());
  const hosts = { ours: keep(await Engine.create("ours"), (made) => made.remove()), plain: keep(await Engine.create("plain"), (made) => made.remove()), ordered: keep(await Engine.create("ordered"), (made) => made.remove()) };
  process.env.DOCKER_HOST = builder.host;
  process.env.DOCKER_BUILDKIT = "1";
  const stack = keep(await Deployment.prepare(), (made) => made.remove());
  const kind = source === undefined ? "lab" : "freeswitch";

  const images = async (...options: string[]): Promise<CommandResult> => {
    const result = await stack.runIn(copy.directory, "images", ...options);
    if (result.code !== 0) throw new Error(`images ${options.join(" ")} failed:\n${result.stdout}${result.stderr}`);
    return result;
  };
  const publish = () => images("--publish", registry.host, "--yes", "--json");
  /** Asks for the newest packages; whatever else could be newer today is not of this bench. */
  const lockPackages = async () => {
    const others = await Promise.all(["package-lock.json", "images/bases.lock"].map(async (file) => [file, await readFile(join(copy.directory, file), "utf8")] as const));
    await images("--update", "--yes");
    for (const [file, text] of others) await copy.edit(file, () => text);
  };
  const lockSounds = () => run("sh", [join(copy.directory, "images/freeswitch-sound/lock.sh")]);

  if (apt) await lockPackages();
  for (const name of names) {
    await stack.configure({ switch: { kind: name === "lab-switch" ? "lab" : kind } });
    report({ name: `cold build of ${name}`, value: (await images("--rebuild", name, "--yes")).seconds, unit: "s" });
  }
  await stack.configure({ switch: { kind } });
  await images("--build", "--yes");
  for (const name of names) {
    const [file, line] = edits[name]!;
    await copy.edit(file, (text) => `${text}${line}\n`);
    if (name === "freeswitch-sound") await lockSounds();
    await stack.configure({ switch: { kind: name === "lab-switch" ? "lab" : kind } });
    report({ name: `warm build of ${name}, a line changed`, value: (await images("--build", "--yes")).seconds, unit: "s" });
  }
  await stack.configure({ switch: { kind } });

  const single = (layout: Layout) => new SingleImage(builder, copy.directory, registry.host, layout);
  const singles = { plain: single("plain"), ordered: single("ordered") };
  let packages = 0;
  const bytes = async (engine: Engine, references: readonly string[]): Promise<number> => {
    registry.pulled.clear();
    for (const reference of references) await engine.docker("pull", "--quiet", reference);
    return registry.pulledBytes;
  };
  const ourReferences = ({ stdout }: CommandResult) => (JSON.parse(stdout) as Published).images.map(({ image, digest }) => `${registry.host}/houseline-${image}@${digest}`);
  /** Releases both and lets hosts that have the releases before pull them. */
  async function moved(): Promise<{ ours: number; singleSeconds: number } & Record<Layout, number>> {
    const ours = await bytes(hosts.ours, ourReferences(await publish()));
    const singleSeconds = await singles.plain.release(apt?.line, packages);
    await singles.ordered.release(apt?.line, packages);
    const theirs = async (layout: Layout) => bytes(hosts[layout], [singles[layout].reference]);
    return { ours, singleSeconds, plain: await theirs("plain"), ordered: await theirs("ordered") };
  }

  const first = await moved();
  report({ name: "cold build of the single image", value: first.singleSeconds, unit: "s" });
  await reportSizes();
  report({ name: "an empty host downloads", value: megabytes(first.ours), unit: "MB", peer: megabytes(first.plain) });

  for (const options of [[], ["--publish", registry.host, "--yes"]]) {
    const taken: number[] = [];
    for (let i = 0; i < 5; i++) taken.push((await images(...options)).seconds);
    report({ name: `./houseline images${options.length > 0 ? " --publish" : ""} with nothing changed, median of 5`, value: median(taken), unit: "s", goal: "at most 2 s", ok: median(taken) <= 2 });
  }

  await copy.edit(edits["app-server"]![0], (text) => `${text}// another line of the bench\n`);
  const line = await moved();
  report({ name: "warm build of the single image, a line of the application server changed", value: line.singleSeconds, unit: "s" });
  reportMoved("a line of the application server", line, 50);
  const { code, stderr } = await run("npm", ["install", "--package-lock-only", "--ignore-scripts", "--no-fund", "--no-audit", "--save-exact", "--workspace", "app/server", `pino@<${await lockedVersion("pino")}`], { directory: copy.directory, timeoutSeconds: 300 });
  if (code !== 0) throw new Error(`npm could not take another pino: ${stderr}`);
  reportMoved("a dependency of the application server", await moved());
  if (apt) {
    await apt.release("freeswitch-mod-sofia", "+newer1");
    await lockPackages();
    packages++;
    reportMoved("a package of FreeSWITCH", await moved(), 5);
  }
  await copy.edit(edits["freeswitch-sound"]![0], (text) => `${text}houseline/of-the-bench-too\tThis is another line of the bench.\n`);
  await lockSounds();
  reportMoved("a sound", await moved());

  async function lockedVersion(name: string): Promise<string> {
    return (JSON.parse(await readFile(join(copy.directory, "package-lock.json"), "utf8")) as { packages: Record<string, { version: string }> }).packages[`node_modules/${name}`]!.version;
  }

  function reportMoved(what: string, { ours, plain, ordered }: Awaited<ReturnType<typeof moved>>, times?: number): void {
    const goal = times === undefined ? {} : { goal: `at least ${times} times less`, ok: ours * times <= plain };
    report({ name: `moved for ${what}`, value: megabytes(ours), unit: "MB", peer: megabytes(plain), ...goal });
    report({ name: `moved for ${what}, peer with its layers ordered by hand`, value: megabytes(ours), unit: "MB", peer: megabytes(ordered) });
  }

  /** Compressed as the registry has them, and as Docker unpacks them, base images included. */
  async function reportSizes(): Promise<void> {
    const client = new Registry(registry.host);
    const compressed = async (repository: string, reference: string) => {
      const { manifest } = (await client.manifest(repository, reference))!;
      return manifest.layers.reduce((sum, { size }) => sum + size, manifest.config.size);
    };
    const unpacked = async (reference: string) => Number(await builder.docker("image", "inspect", "--format", "{{.Size}}", reference));
    for (const { image, reference } of JSON.parse((await images("--json")).stdout) as Listed[]) {
      report({ name: `size of ${image}, compressed`, value: megabytes(await compressed(`houseline-${image}`, reference.split(":")[1]!)), unit: "MB" });
      report({ name: `size of ${image}, unpacked`, value: megabytes(await unpacked(reference)), unit: "MB" });
    }
    const { reference } = singles.plain;
    const [, repository = "", tag = ""] = /^[^/]+\/(.*):(\d+)$/.exec(reference) ?? [];
    report({ name: "size of the single image, compressed", value: megabytes(await compressed(repository, tag)), unit: "MB" });
    report({ name: "size of the single image, unpacked", value: megabytes(await unpacked(reference)), unit: "MB" });
  }
}
