import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { besideDatabase, databaseName, digestOf, filesBelow, format, manifestName, voicemailName, type Manifest } from "./contents.ts";

/**
 * Writes what a stack keeps in its data directory of a host to standard output, as a compressed tar archive, while it is in use. A program of its own
 * (`./houseline backup` runs it in a container on each host that has data): `node back-up.ts DIRECTORY STACK`.
 */
const [directory = "/data", stack = ""] = process.argv.slice(2);
// On the same disk: as large as the data.
const folder = mkdtempSync(join(directory, ".backup-"));
try {
  const wanted = [databaseName, ...(existsSync(join(directory, voicemailName)) ? filesBelow(join(directory, voicemailName)).map((file) => join(voicemailName, file)) : [])];
  const manifest: Manifest = { format, stack, time: new Date().toISOString(), files: {} };
  // Databases first: a message that comes meanwhile is one without a row, not a row without its message.
  for (const file of wanted.filter(isDatabase)) if (existsSync(join(directory, file))) await copyDatabase(file);
  for (const file of wanted.filter((one) => !isDatabase(one) && !besideDatabase.test(one))) copy(file);
  for (const file of filesBelow(folder)) manifest.files[file] = await digestOf(join(folder, file));
  writeFileSync(join(folder, manifestName), JSON.stringify(manifest, null, 2));
  const { status } = spawnSync("tar", ["--create", "--gzip", "--sort=name", "--directory", folder, manifestName, ...Object.keys(manifest.files)], { stdio: ["ignore", "inherit", "inherit"] });
  process.exitCode = status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function isDatabase(file: string): boolean {
  return file.endsWith(".db");
}

/** As it is at one moment, with what is in its log. (SQLite, "Online Backup API") */
async function copyDatabase(file: string): Promise<void> {
  const to = join(folder, file);
  mkdirSync(dirname(to), { recursive: true });
  const database = new DatabaseSync(join(directory, file), { timeout: 10_000 });
  await backup(database, to);
  database.close();
}

/** Somebody may delete their message meanwhile. */
function copy(file: string): void {
  const to = join(folder, file);
  mkdirSync(dirname(to), { recursive: true });
  try {
    copyFileSync(join(directory, file), to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
