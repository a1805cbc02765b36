import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { run } from "../../pulumi/process.ts";
import { Failure } from "../failure.ts";
import { step } from "../terminal.ts";
import { ownExecutable } from "./go-toolchain.ts";
import { onPath } from "./on-path.ts";
import { lastLines, oneApt } from "./packages.ts";
import type { Prerequisite } from "./prerequisite.ts";

const program = "docker-registry";
const own = ownExecutable(program);

/**
 * The registry that the tests publish to, which start and throw away their own. Debian's package is unpacked and not
 * installed: installed, it would be a service that listens from then on.
 */
export const containerRegistry: Prerequisite = {
  name: "docker-registry (for the tests alone)",
  mend: "apt-get install docker-registry",
  find: async () => findRegistry(),
  async get() {
    if (!onPath("apt-get")) throw new Failure("docker-registry is missing; the tests of publishing run one. Install it by this machine's package manager and run this again.");
    await step("Debian's docker-registry, unpacked", () => oneApt(async () => {
      const folder = mkdtempSync(join(tmpdir(), "houseline-registry-"));
      try {
        const inFolder = async (command: string, ...args: string[]) => run(command, args, { directory: folder, timeoutSeconds: 600 });
        const download = () => inFolder("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", program);
        let result = await download();
        if (result.code !== 0 && process.getuid?.() === 0) {
          await inFolder("apt-get", "-o", "DPkg::Lock::Timeout=300", "-q", "update");
          result = await download();
        }
        const archive = readdirSync(folder).find((name) => name.endsWith(".deb"));
        if (result.code !== 0 || archive === undefined) throw new Failure(`Debian's docker-registry could not be downloaded:\n${lastLines(result.stderr)}`);
        await inFolder("dpkg-deb", "--extract", archive, "files");
        mkdirSync(dirname(own), { recursive: true });
        copyFileSync(join(folder, "files/usr/bin", program), `${own}.part`);
        chmodSync(`${own}.part`, 0o755);
        renameSync(`${own}.part`, own);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }));
  },
};

export function findRegistry(): string | undefined {
  return onPath(program) ?? (existsSync(own) ? own : undefined);
}
