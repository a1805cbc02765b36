import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** The first executable of this name on PATH. */
export function onPath(name: string): string | undefined {
  return allOnPath(name)[0];
}

/** Every executable of this name on PATH, in order. */
export function allOnPath(name: string): string[] {
  // Not every login has the folders of the system's daemons on its PATH.
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/local/sbin", "/usr/sbin", "/sbin"];
  return [...new Set(folders.filter(Boolean).map((folder) => join(folder, name)))].filter(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
