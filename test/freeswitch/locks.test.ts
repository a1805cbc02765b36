import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Copy } from "../bench/copy.ts";
import { AptSource } from "../support/apt-source.ts";
import { Deployment, root } from "../support/deployment.ts";
import { docker } from "../support/docker.ts";
import { aptSource, skipReason } from "./stack.ts";

const lockFile = "images/freeswitch/packages.lock";

describe.skipIf(!aptSource)(`the lock of FreeSWITCH's packages${skipReason && ` (skipped: ${skipReason})`}`, () => {
  let apt: AptSource;
  let copy: Copy;
  let deployment: Deployment;
  const before = process.env.HOUSELINE_FREESWITCH_APT;
  const built: string[] = [];

  beforeAll(async () => {
    apt = await AptSource.start(aptSource);
    process.env.HOUSELINE_FREESWITCH_APT = apt.line;
    copy = await Copy.make();
    deployment = await Deployment.prepare({ switch: { kind: "freeswitch" } });
  });
  afterAll(async () => {
    if (before !== undefined) process.env.HOUSELINE_FREESWITCH_APT = before;
    await deployment?.remove();
    for (const image of built) await docker("rmi", "--force", image).catch(() => undefined);
    await copy?.remove();
    await apt?.close();
  });

  const images = (...options: string[]) => deployment.runIn(copy.directory, "images", ...options);
  /** Of what --update asks only FreeSWITCH's packages are looked at here: npm's stay, so that no other image is built. */
  async function update() {
    const result = await images("--update", "--yes");
    await copy.edit("package-lock.json", () => readFileSync(join(root, "package-lock.json"), "utf8"));
    return result;
  }
  async function build(): Promise<string> {
    const { code, stdout, stderr } = await images("--build", "--yes");
    expect(code, stdout + stderr).toBe(0);
    const { reference } = (JSON.parse((await images("--json")).stdout) as { image: string; reference: string }[]).find(({ image }) => image === "freeswitch")!;
    built.push(reference);
    return reference;
  }
  const packagesIn = (reference: string) => docker("run", "--rm", "--network", "none", "--label", `houseline.stack=${deployment.stack}`, "--entrypoint", "cat", reference, "/usr/share/houseline/packages");

  it("is written with every package, its version and digest, and the image has just those", async () => {
    const { code, stdout, stderr } = await update();
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toMatch(/freeswitch-mod-sofia \(\w+\): new, 1\.\d+/);
    const lines = (await readFile(join(copy.directory, lockFile), "utf8")).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    expect(lines.length).toBeGreaterThan(40);
    for (const line of lines) expect(line).toMatch(/^(amd64|arm64) \S+ \S+ [0-9a-f]{64}$/);
    const packages = (await packagesIn(await build())).split("\n").filter((line) => !line.includes("flock only")).map((line) => line.split(" ").slice(0, 2).join(" "));
    expect(packages.sort()).toEqual(lines.map((line) => line.split(" ").slice(1, 3).join(" ")).sort());
  });

  it("gives the same image again from its first line, which passes every check", async () => {
    const again = await images("--rebuild", "freeswitch", "--yes");
    expect(again.code, again.stdout + again.stderr).toBe(0);
    expect(again.stdout).toContain("The same came out");
    const { code, stdout, stderr } = await images("--check");
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toMatch(/^ {2}freeswitch +passed/m);
  });

  it("that can't be met any more says which package is gone and what is there instead", async () => {
    await apt.release("freeswitch-mod-tone-stream", "+newer1");
    // What packages are asked for changes, so that they are got again.
    await copy.edit("images/freeswitch/packages.txt", (text) => `${text}# a line of the test\n`);
    const { code, stderr } = await images("--build", "--yes");
    expect(code).toBe(1);
    expect(stderr).toContain("images/freeswitch/packages.lock can not be met:");
    expect(stderr).toMatch(/freeswitch-mod-tone-stream (1\.\S+) is gone; there is \1\+newer1 instead/);
    expect(stderr).toContain("./houseline images --update");
  });

  it("is refreshed with the difference in words, and only FreeSWITCH's own layer changes", async () => {
    const { stdout, code, stderr } = await update();
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^ {4}freeswitch-mod-tone-stream \(\w+\): (1\.\S+) → \1\+newer1$/m);
    expect(stdout.match(/^ {4}\S+ \((amd64|arm64)\): /gm)).toHaveLength(1);
    const fresh = await build();
    expect(await packagesIn(fresh)).toContain("+newer1");
    const [old, now] = await Promise.all([built[0]!, fresh].map(async (reference) => JSON.parse(await docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", reference)) as string[]));
    // Debian's packages below it, scripts and configuration above.
    expect(now!.flatMap((layer, index) => (layer === old![index] ? [] : [index]))).toEqual([1]);
  });

  it("with another digest than a package has is refused: it was changed at its source", async () => {
    await copy.edit(lockFile, (text) => text.replace(/^(\w+ freeswitch-mod-opus \S+) [0-9a-f]{64}$/m, `$1 ${"0".repeat(64)}`));
    const { code, stderr } = await images("--build", "--yes");
    expect(code).toBe(1);
    expect(stderr).toMatch(/packages\.lock does not have freeswitch-mod-opus \S+ as it came: it was changed at its source/);
  });
});
