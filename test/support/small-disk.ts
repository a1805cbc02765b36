import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../pulumi/process.ts";

/** A small file system in memory, mounted on a directory, that can be filled up. It takes root. */
export class SmallDisk {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async mount(path: string, megabytes: number): Promise<SmallDisk> {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const { code, stderr } = await run("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=0700`, "houseline-test", path]);
    if (code !== 0) throw new Error(`No file system could be mounted on ${path}: ${stderr}`);
    return new SmallDisk(path);
  }

  /** Takes all that is free: to the last page, or all but some megabytes. */
  fill(exceptMegabytes = 0): void {
    const zeros = Buffer.alloc(1 << 20);
    const file = openSync(this.#ballast, "a");
    try {
      // A nearly full disk takes a part, and nothing at the next.
      while (exceptMegabytes === 0 || this.freeMegabytes > exceptMegabytes) writeSync(file, zeros);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    } finally {
      closeSync(file);
    }
  }

  free(): void {
    rmSync(this.#ballast, { force: true });
  }

  get freeMegabytes(): number {
    const { bavail, bsize } = statfsSync(this.path);
    return (bavail * bsize) / 2 ** 20;
  }

  get #ballast(): string {
    return join(this.path, "ballast");
  }
}
