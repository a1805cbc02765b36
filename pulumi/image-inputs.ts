import { createHash } from "node:crypto";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { lockedPackages } from "./npm-lock.ts";

/** What an image is made from. Two images with the same inputs have the same tag. */
export interface ImageInputs {
  name: string;
  /** Files and folders, relative to the root of the repository. */
  files: readonly string[];
  /** Parts whose npm packages go in, as keys of package-lock.json. */
  npm: readonly string[];
  /** A lock of Debian packages (`amd64 name version sha256` a line), one of the files: so that a record can tell them one by one. */
  debs?: string;
  buildArgs: Readonly<Record<string, string>>;
  /** Ids of the images it is built from, by name; empty for an image whose files alone decide. */
  bases: Readonly<Record<string, string>>;
  /** `linux/amd64`. */
  platform: string;
}

/** One input: `["file", "app/server/log.ts", "-", digest]`, `["npm", "node_modules/ws", version and integrity]`, `["deb", "freeswitch", version, digest]`, `["arg", …]`, `["base", …]`. */
export type InputLine = readonly [kind: string, name: string, ...value: string[]];

/** Everything that goes into an image, in an order that is the same everywhere. */
export function inputLines(root: string, inputs: ImageInputs): InputLine[] {
  const packages = inputs.npm.length === 0 ? {} : lockedPackages(readFileSync(join(root, "package-lock.json"), "utf8"), inputs.npm);
  return [
    ["image", inputs.name, inputs.platform],
    ...Object.entries(inputs.buildArgs).sort(byKey).map(([name, value]) => ["arg", name, value] as const),
    ...Object.entries(inputs.bases).sort(byKey).map(([name, id]) => ["base", name, id] as const),
    ...inputs.debs === undefined ? [] : lockedDebs(readFileSync(join(root, inputs.debs), "utf8"), inputs.platform),
    ...Object.entries(packages).map(([name, version]) => ["npm", name, version] as const),
    ...inputs.files.flatMap((path) => filesUnder(root, path)).sort().map((file) => {
      const path = join(root, file);
      const executable = (statSync(path).mode & 0o100) !== 0 ? "x" : "-";
      return ["file", file, executable, sha256(readFileSync(path))] as const;
    }),
  ];
}

/** Of one architecture, those of a lock of Debian packages. */
function lockedDebs(lock: string, platform: string): InputLine[] {
  return lock.split("\n").map((line) => line.split(" ")).filter(([architecture]) => platform === `linux/${architecture}`)
    .map(([, name = "", version = "", sha256 = ""]) => ["deb", name, version, sha256]);
}

/** Twelve hexadecimal digits over everything that goes into an image. */
export function tagOf(lines: readonly InputLine[]): string {
  const hash = createHash("sha256");
  for (const line of lines) hash.update(`${JSON.stringify(line)}\n`);
  return hash.digest("hex").slice(0, 12);
}

/**
 * The inputs as an image's label keeps them: `{"file app/server/log.ts": "- 4f2a…"}`, digests at a quarter of their length. Of
 * a build argument the digest alone: where packages came from is nobody's business who has the image.
 */
export function inputRecord(lines: readonly InputLine[]): Record<string, string> {
  return Object.fromEntries(lines.map(([kind, name, ...value]) => [`${kind} ${name}`, (kind === "arg" ? value.map(sha256) : value).map(short).join(" ")]));
}

const sha256 = (content: string | Buffer) => createHash("sha256").update(content).digest("hex");

/** Sixteen digits tell a change as well as sixty-four; a version stays whole. */
const short = (value: string) => value.replace(/\b([0-9a-f]{16})[0-9a-f]{48}$/, "$1").replace(/(\bsha\d+-.{12}).*$/, "$1");

const byKey = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : a > b ? 1 : 0);

/** The same files that `.dockerignore` lets into a build; a path that isn't there has none. */
export function filesUnder(root: string, path: string): string[] {
  const stat = statSync(join(root, path), { throwIfNoEntry: false });
  if (!stat) return [];
  if (!stat.isDirectory()) return [path];
  return readdirSync(join(root, path)).filter((name) => !ignored(name)).flatMap((name) => filesUnder(root, `${path}/${name}`));
}

function ignored(name: string): boolean {
  return name === "node_modules" || name === "dist" || name.endsWith(".test.ts");
}

/** The images that a Dockerfile begins from, without its own stages and without `scratch`. */
export function baseImages(dockerfile: string): string[] {
  const stages = new Set<string>();
  const bases = new Set<string>();
  for (const line of dockerfile.split("\n")) {
    const from = /^FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?/i.exec(line);
    const copied = /^COPY\s+(?:--\S+\s+)*--from=(\S+)/i.exec(line);
    const name = from?.[1] ?? copied?.[1];
    if (name !== undefined && name !== "scratch" && !stages.has(name) && !/^\d+$/.test(name)) bases.add(name);
    if (from?.[2]) stages.add(from[2]);
  }
  return [...bases].sort();
}
