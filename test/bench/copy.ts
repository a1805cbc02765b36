import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { root } from "../support/deployment.ts";

const run = promisify(execFile);

/** A copy of the checkout in which files may be edited: it has the same tools, and stacks of its own. */
export class Copy {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async make(): Promise<Copy> {
    const directory = await mkdtemp(join(tmpdir(), "houseline-bench-"));
    const { stdout } = await run("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root, maxBuffer: 16 << 20 });
    for (const file of stdout.split("\0").filter(Boolean)) await cp(join(root, file), join(directory, file), { force: true }).catch(() => undefined);
    await symlink(join(root, "node_modules"), join(directory, "node_modules"));
    await mkdir(join(directory, ".houseline"));
    for (const name of ["tools", "pulumi"]) await symlink(join(root, ".houseline", name), join(directory, ".houseline", name)).catch(() => undefined);
    return new Copy(directory);
  }

  async edit(file: string, change: (text: string) => string): Promise<void> {
    const path = join(this.directory, file);
    await writeFile(path, change(await readFile(path, "utf8")));
  }

  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}
