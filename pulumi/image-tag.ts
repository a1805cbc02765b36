import { createHash } from "node:crypto";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** What an image is made from. Two images with the same inputs have the same tag. */
export interface ImageInputs {
  name: string;
  /** Files and folders, relative to the root of the repository. */
  files: readonly string[];
  buildArgs: Readonly<Record<string, string>>;
  /** Ids of the images it is built from, by name; empty for an image whose files alone decide. */
  bases: Readonly<Record<string, string>>;
  /** `linux/amd64`. */
  platform: string;
}

/** Twelve hexadecimal digits over everything that goes into an image. */
export function imageTag(root: string, inputs: ImageInputs): string {
  const hash = createHash("sha256");
  const add = (...parts: string[]) => hash.update(JSON.stringify(parts) + "\n");
  add("image", inputs.name, inputs.platform);
  for (const [name, value] of Object.entries(inputs.buildArgs).sort(byKey)) add("arg", name, value);
  for (const [name, id] of Object.entries(inputs.bases).sort(byKey)) add("base", name, id);
  for (const file of inputs.files.flatMap((path) => filesUnder(root, path)).sort()) {
    const path = join(root, file);
    const executable = (statSync(path).mode & 0o100) !== 0 ? "x" : "-";
    add("file", file, executable, createHash("sha256").update(readFileSync(path)).digest("hex"));
  }
  return hash.digest("hex").slice(0, 12);
}

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
