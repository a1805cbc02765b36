import { mkdirSync, rmSync, statfsSync } from "node:fs";
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

  get freeMegabytes(): number {
    const { bavail, bsize } = statfsSync(this.path);
    return bavail * bsize / 2 ** 20;
  }

  /** Takes all that is free. */
  async fill(): Promise<void> {
    const { bavail, bsize } = statfsSync(this.path);
    await run("fallocate", ["--length", String(bavail * bsize), this.#ballast]);
  }

  free(): void {
    rmSync(this.#ballast, { force: true });
  }

  get #ballast(): string {
    return join(this.path, "ballast");
  }
}
