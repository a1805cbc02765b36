import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { databaseName, digestOf, filesBelow, format, manifestName, voicemailName, type Manifest } from "./contents.ts";

/**
 * Puts a backup in the place of a stack's data on a host, in steps of its own program (`./houseline restore` runs it in containers there): `unpack` reads an
 * archive from standard input and checks it beside the data, which is in use, and keeps of it what this host is to have; `add` does the same with another archive;
 * `put`, once nothing runs, moves the data aside and the backup in. `drop` forgets what was unpacked.
 */
const [step = "", directory = "/data", wanted = "everything"] = process.argv.slice(2);
const unpacked = join(directory, ".restoring");
const steps: Record<string, () => Promise<void> | void> = { unpack, add, put, drop };
/** What is kept of an archive, by the word for it. */
const kept: Record<string, readonly string[]> = { everything: [databaseName, voicemailName], database: [databaseName], voicemail: [voicemailName] };

try {
  await steps[step]!();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}

async function unpack(): Promise<void> {
  drop();
  await add();
}

async function add(): Promise<void> {
  const part = join(unpacked, "part");
  mkdirSync(part, { recursive: true });
  try {
    const { status } = spawnSync("tar", ["--extract", "--gzip", "--no-same-owner", "--no-same-permissions", "--directory", part], { stdio: ["inherit", "ignore", "ignore"] });
    if (status !== 0) throw new Error("it is no archive of './houseline backup', or it is not whole");
    const manifest = read(part);
    for (const [file, digest] of Object.entries(manifest.files)) {
      const path = join(part, file);
      if (!existsSync(path) || await digestOf(path) !== digest) throw new Error(`'${file}' in it is not what was backed up`);
      if (file.endsWith(".db")) check(path, file);
    }
    for (const name of kept[wanted] ?? []) if (existsSync(join(part, name))) renameSync(join(part, name), join(unpacked, name));
    rmSync(part, { recursive: true, force: true });
    process.stdout.write(JSON.stringify({ stack: manifest.stack, time: manifest.time, messages: existsSync(join(unpacked, voicemailName)) }));
  } catch (error) {
    drop();
    throw error;
  }
}

function read(part: string): Manifest {
  let manifest: Manifest;
  try {
    manifest = JSON.parse(readFileSync(join(part, manifestName), "utf8")) as Manifest;
  } catch {
    throw new Error("it is an archive of something else");
  }
  if (manifest.format !== format) throw new Error(`its format is ${String(manifest.format)}, and this release reads ${format}`);
  return manifest;
}

function check(path: string, file: string): void {
  const database = new DatabaseSync(path);
  try {
    const [row] = database.prepare("PRAGMA quick_check").all() as { quick_check: string }[];
    if (row?.quick_check !== "ok") throw new Error(`the database '${file}' in it is damaged`);
  } finally {
    database.close();
    for (const beside of ["-wal", "-shm"]) rmSync(`${path}${beside}`, { force: true });
  }
}

/** Nothing but an empty folder is deleted: what was there is in a folder beside it. */
function put(): void {
  const aside = join(directory, `before-restore-${new Date().toISOString().replace(/[:.]/g, "-")}`);
  for (const name of readdirSync(directory)) {
    if (name !== voicemailName && !name.startsWith(databaseName)) continue;
    if (name === voicemailName && filesBelow(join(directory, name)).length === 0) {
      rmSync(join(directory, name), { recursive: true });
      continue;
    }
    mkdirSync(aside, { recursive: true });
    renameSync(join(directory, name), join(aside, name));
  }
  for (const name of [databaseName, voicemailName]) if (existsSync(join(unpacked, name))) renameSync(join(unpacked, name), join(directory, name));
  mkdirSync(join(directory, voicemailName), { recursive: true });
  drop();
  process.stdout.write(JSON.stringify({ aside: existsSync(aside) ? aside.slice(directory.length + 1) : "" }));
}

function drop(): void {
  rmSync(unpacked, { recursive: true, force: true });
}
