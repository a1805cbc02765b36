import { createHash } from "node:crypto";
import { createReadStream, readdirSync } from "node:fs";
import { join, relative } from "node:path";

/** Grows only by adding; another number is another format. */
export const format = 1;

/** What is in a backup, in its first file. */
export interface Manifest {
  format: typeof format;
  stack: string;
  /** ISO 8601 */
  time: string;
  /** SHA-256 of every file, by its path in the data directory. */
  files: Record<string, string>;
}

export const manifestName = "houseline-backup.json";
/** The database of people, messages and calls; absent where that is PostgreSQL. */
export const databaseName = "houseline.db";
export const voicemailName = "voicemail";
/** Of SQLite beside a database that is in use. */
export const besideDatabase = /-(wal|shm|journal)$/;

/** Regular files below a folder, by their paths in it. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => relative(folder, join(entry.parentPath, entry.name))).sort();
}

export async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
