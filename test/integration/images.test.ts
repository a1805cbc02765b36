import { readFileSync } from "node:fs";
import { mkdir, utimes, chmod, cp, readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Copy } from "../bench/copy.ts";
import { Deployment, root, type CommandResult } from "../support/deployment.ts";
import { docker } from "../support/docker.ts";

const layersOf = async (reference: string) => JSON.parse(await docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", reference)) as string[];

describe("./houseline images", () => {
  let deployment: Deployment;
  let copy: Copy;
  const built = new Set<string>();

  beforeAll(async () => {
    deployment = await Deployment.prepare();
    await deployment.up();
    copy = await Copy.make();
    // A checkout of another day, by somebody with another umask.
    for (const file of await readdir(join(copy.directory, "app"), { recursive: true, withFileTypes: true })) {
      const path = join(file.parentPath, file.name);
      await utimes(path, 1e9, 1e9);
      if (file.isFile()) await chmod(path, 0o664);
    }
    await mkdir(join(copy.directory, ".houseline/stacks"), { recursive: true });
    await cp(join(root, ".houseline/stacks", deployment.stack), join(copy.directory, ".houseline/stacks", deployment.stack), { recursive: true });
  });
  afterAll(async () => {
    for (const image of built) await docker("rmi", "--force", image).catch(() => undefined);
    await copy?.remove();
    await deployment?.remove();
  });

  const images = (...options: string[]): Promise<CommandResult> => deployment.run("images", ...options);
  const inCopy = (...options: string[]): Promise<CommandResult> => deployment.runIn(copy.directory, "images", ...options);

  it("lists each image of the stack: tag, built or not, size, deployed or not", async () => {
    const { stdout, code } = await images();
    expect(code).toBe(0);
    for (const name of ["secrets", "freeswitch-sound", "lab-switch", "edge", "app-server"]) expect(stdout).toMatch(new RegExp(`^  ${name} +[0-9a-f]{12} +built .* MB|kB.* deployed$`, "m"));
    expect(stdout).not.toContain("not built");
  });

  it("two checkouts with other times and another umask: the same tags, and each layer of our own the same to the byte", async () => {
    const rows = JSON.parse((await images("--json")).stdout) as { reference: string }[];
    expect((JSON.parse((await inCopy("--json")).stdout) as typeof rows).map(({ reference }) => reference)).toEqual(rows.map(({ reference }) => reference));
    for (const name of ["app-server", "secrets"]) {
      const { code, stdout, stderr } = await inCopy("--rebuild", name);
      expect(code, stdout + stderr).toBe(0);
      expect(stdout).toContain("The same came out");
    }
  });

  it("says that nothing changed, then which file, which package and which mode did", async () => {
    expect((await inCopy("--explain", "app-server")).stdout).toContain("none of its inputs changed");
    await copy.edit("app/server/log.ts", (text) => `${text}// a line\n`);
    await chmod(join(copy.directory, "app/server/failure.ts"), 0o775);
    await copy.edit("package-lock.json", (text) => text.replace(/("node_modules\/ws": \{\n\s+"version": ")[^"]+/, "$199.0.0").replace(/("node_modules\/eslint": \{\n\s+"version": ")[^"]+/, "$199.0.0"));
    const { stdout, code } = await inCopy("--explain", "app-server");
    expect(code).toBe(0);
    expect(stdout).toMatch(/differs from houseline\/app-server:\w+, deployed since .*, in 3 inputs:/);
    expect(stdout).toMatch(/^ {2}npm package ws: .* → 99\.0\.0$/m);
    expect(stdout).toMatch(/^ {2}file app\/server\/log\.ts changed$/m);
    expect(stdout).toMatch(/^ {2}file app\/server\/failure\.ts became executable$/m);
    expect((await inCopy()).stdout).toMatch(/^ {2}app-server .* not built .*--explain app-server/m);
    // A linter is in no image.
    expect(stdout).not.toContain("eslint");
    expect((await inCopy("--explain", "secrets")).stdout).toContain("none of its inputs changed");
  });

  it("a changed line of the server changes the last layer alone, and --build makes it", async () => {
    await copy.edit("package-lock.json", () => readFileSync(join(root, "package-lock.json"), "utf8"));
    const before = (await deployment.container("app-server")).image;
    const { code, stdout, stderr } = await inCopy("--build", "--yes");
    expect(code, stderr).toBe(0);
    const reference = (JSON.parse((await inCopy("--json")).stdout) as { image: string; reference: string }[]).find(({ image }) => image === "app-server")!.reference;
    built.add(reference);
    expect(reference).not.toBe(before);
    expect(stdout).toMatch(/^ {2}app-server .* built /m);
    const [old, fresh] = [await layersOf(before), await layersOf(reference)];
    expect(fresh.slice(0, -1)).toEqual(old.slice(0, -1));
    expect(fresh.at(-1)).not.toBe(old.at(-1));
  });

  it("an image built by a release that recorded nothing is said to be so", async () => {
    const { stdout } = await inCopy("--explain", "edge");
    expect(stdout).toContain("none of its inputs changed");
    const bare = `houseline/app-server:${deployment.stack}-bare`;
    built.add(bare);
    await docker("tag", "debian:bookworm-slim", bare);
    await copy.edit(`.houseline/stacks/${deployment.stack}/releases.jsonl`, (text) => text.replaceAll(/"houseline\/app-server:\w+"/g, `"${bare}"`));
    expect((await inCopy("--explain", "app-server")).stdout).toContain("does not say what it was made from");
  });

  it("refuses an image that the stack doesn't have, and two things at once, in a sentence", async () => {
    const { code, stderr } = await images("--explain", "app-sever");
    expect(code).toBe(1);
    expect(stderr).toContain("has no image 'app-sever'; did you mean 'app-server'?");
    expect((await images("--build", "--explain", "edge")).stderr).toContain("one thing at a time");
  });
});
