import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Writes a file whole or not at all, for its user alone: neither a full disk nor a loss of power leaves half of it.
 *
 * @throws as fs does (ENOSPC, EACCES, …); what was there is then there still
 */
export function writeWhole(path: string, text: string): void {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const part = `${path}.${process.pid}.part`;
  try {
    const file = openSync(part, "w", 0o600);
    try {
      const bytes = Buffer.from(text);
      // A disk that is nearly full takes a part of it, and says so at the next.
      for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(part, path);
  } catch (error) {
    rmSync(part, { force: true });
    // Node says no path when it is a write that fails.
    throw Object.assign(error as Error, { message: `${(error as Error).message}, '${path}'` });
  }
  const directory = openSync(folder, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
