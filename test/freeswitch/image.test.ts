import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AptProxy } from "../support/apt-proxy.ts";
import { Deployment, root, type CommandResult } from "../support/deployment.ts";
import { docker } from "../support/docker.ts";
import { aptSource, skipReason } from "./stack.ts";

const credentials = { user: "reader", password: `Zx7${randomBytes(12).toString("hex")}` };
const variables = ["HOUSELINE_FREESWITCH_APT", "HOUSELINE_FREESWITCH_APT_CREDENTIALS"] as const;

describe.skipIf(!aptSource)(`the image of FreeSWITCH, built by ./houseline up from a source behind credentials${skipReason && ` (skipped: ${skipReason})`}`, () => {
  let proxy: AptProxy;
  let deployment: Deployment;
  let up: CommandResult;
  let image: string;
  const before = variables.map((name) => process.env[name]);
  const made: string[] = [];

  const auth = (of: AptProxy) => `machine ${of.address} login ${credentials.user} password ${credentials.password}`;
  function configure(apt: string, secret: string | undefined): void {
    process.env.HOUSELINE_FREESWITCH_APT = apt;
    if (secret === undefined) delete process.env.HOUSELINE_FREESWITCH_APT_CREDENTIALS;
    else process.env.HOUSELINE_FREESWITCH_APT_CREDENTIALS = secret;
  }

  beforeAll(async () => {
    proxy = await AptProxy.start(aptSource, credentials);
    configure(proxy.line(aptSource), auth(proxy));
    deployment = await Deployment.prepare({ switch: { kind: "freeswitch" } });
    up = await deployment.up();
    ({ image } = await deployment.container("freeswitch"));
    made.push(image);
  });
  afterAll(async () => {
    await deployment?.remove();
    await proxy?.close();
    for (const name of made) await docker("rmi", "--force", name).catch(() => undefined);
    variables.forEach((name, index) => {
      if (before[index] === undefined) delete process.env[name];
      else process.env[name] = before[index];
    });
  });

  it("was built with the credentials, which stand in no layer, no history, no log, no process and no state", async () => {
    expect(proxy.count.served).toBeGreaterThan(20);
    const marks = [credentials.password, Buffer.from(`${credentials.user}:${credentials.password}`).toString("base64")];
    const history = await docker("history", "--no-trunc", image) + await docker("image", "inspect", image);
    const container = (await deployment.container("freeswitch")).id;
    const seen = [up.stdout, up.stderr, history, await docker("inspect", container), await docker("logs", container), await docker("top", container, "-eo", "pid,args")];
    const state = join(root, ".houseline/stacks", deployment.stack);
    for (const file of await readdir(state, { recursive: true, withFileTypes: true })) if (file.isFile()) seen.push(await readFile(join(file.parentPath, file.name), "latin1"));
    for (const mark of marks) {
      for (const text of seen) expect(text).not.toContain(mark);
      expect(await isInLayers(image, mark)).toBe(false);
    }
    expect(await isInLayers(image, "houseline:x:10001")).toBe(true);
    // Where packages came from is nobody's business either.
    expect(history).not.toContain(proxy.address);
  });

  it("tells which of its inputs changed since it was deployed", async () => {
    const explain = async () => (await deployment.run("images", "--explain", "freeswitch")).stdout;
    expect(await explain()).toContain("none of its inputs changed");
    configure(aptSource, undefined);
    expect(await explain()).toMatch(/in one input:\n {2}build argument FREESWITCH_APT_SOURCE changed$/m);
    configure(proxy.line(aptSource), auth(proxy));
  });

  it("is at most 45 MB compressed, base included", async () => {
    const { stdout } = await promisify(execFile)("sh", ["-c", `docker save ${image} | gzip -6 | wc -c`]);
    const largest = (await inside("du -ab --exclude=/proc --exclude=/sys / 2>/dev/null | sort -rn | while read size path; do [ -f \"$path\" ] && echo \"$size $path\"; done | head -12")).trim();
    console.log(`${(Number(stdout) / 1e6).toFixed(1)} MB compressed; its largest files in bytes:\n${largest}`);
    expect(Number(stdout)).toBeLessThan(45e6);
  });

  it("names the version of every package in it; FreeSWITCH is 1.11.1 or newer", async () => {
    const packages = (await inside("cat /usr/share/houseline/packages")).trim().split("\n");
    const version = packages.find((line) => line.startsWith("freeswitch "))?.split(" ")[1] ?? "";
    expect(version.localeCompare("1.11.1", "en", { numeric: true })).toBeGreaterThanOrEqual(0);
    expect(packages.filter((line) => /^(libc6|libssl3|libsofia-sip-ua0) /.test(line))).toHaveLength(3);
    expect(packages.every((line) => /^\S+ \S+ (amd64|arm64|all)( \(flock only\))?$/.test(line))).toBe(true);
    expect(packages.join("\n")).not.toMatch(/^(perl|systemd|apt|dpkg|ssmtp|exim4|freeswitch-(mod-verto|conf-\S+|systemd|sysvinit))/m);
  });

  it("has a user of its own, no setuid file, no mod_verto, no package manager, and no configuration but ours", async () => {
    expect(await docker("image", "inspect", "--format", "{{.Config.User}}", image)).toBe("10001:10001");
    const container = await docker("create", "--label", `houseline.stack=${deployment.stack}`, image);
    const { stdout } = await promisify(execFile)("sh", ["-c", `docker export ${container} | tar -tv`], { maxBuffer: 16 << 20 });
    await docker("rm", "--volumes", container);
    const files = stdout.split("\n").filter(Boolean).map((line) => ({ mode: line.slice(0, 10), path: line.split(/\s+/).slice(5).join(" ") }));
    expect(files.filter(({ mode }) => /s/i.test(mode))).toEqual([]);
    expect(files.filter(({ path }) => /mod_verto|mod_skinny|bin\/(apt|dpkg|perl|systemctl|su|mount)\b|libsystemd-shared/.test(path))).toEqual([]);
    const configuration = files.filter(({ path }) => path.startsWith("etc/freeswitch/") && !path.endsWith("/")).map(({ path }) => path.slice("etc/freeswitch/".length)).sort();
    expect(configuration).toEqual((await readdir(join(root, "images/freeswitch/conf"), { recursive: true, withFileTypes: true })).filter((file) => file.isFile())
      .map((file) => join(file.parentPath, file.name).slice(join(root, "images/freeswitch/conf/").length)).sort());
  });

  it("is not built from an older FreeSWITCH, and a source that refuses the credentials ends in a sentence; what ran goes on running", async () => {
    const running = await deployment.container("freeswitch");
    const old = await AptProxy.start(aptSource, credentials, (index) => index.replaceAll(/^(Package: freeswitch\n(?:.+\n)*?Version: )\S+/gm, "$11.10.12~release~1"));
    try {
      configure(old.line(aptSource), auth(old));
      const outdated = await deployment.run("up", "--yes");
      expect(outdated.code).toBe(1);
      expect(outdated.stderr).toContain("The apt source has FreeSWITCH 1.10.12~release~1; Houseline runs 1.11.1 or newer");
      configure(old.line(aptSource), auth(old).replace(credentials.password, "Zx7-not-the-password"));
      const refused = await deployment.run("up", "--yes");
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(/401 +Unauthorized/);
      expect(refused.stdout + refused.stderr).not.toContain("Zx7");
      expect(await deployment.container("freeswitch")).toEqual(running);
    } finally {
      await old.close();
    }
  });

  it("taken ready-made ('freeswitch.image') it is deployed as it is, and nothing is built", async () => {
    const tag = `houseline/freeswitch:${deployment.stack}-ready-made`;
    await docker("tag", image, tag);
    made.push(tag);
    // A source that is not there: whoever built would fail.
    configure("deb [trusted=yes] http://127.0.0.1:9 bookworm main", undefined);
    await deployment.configure({ freeswitch: { image: tag } });
    const { stdout } = await deployment.up();
    expect(stdout).toContain(`with FreeSWITCH: the image ${tag}`);
    expect(stdout).not.toMatch(/building/);
    expect(await deployment.container("freeswitch")).toMatchObject({ image: tag, health: "healthy" });
    await deployment.configure({ freeswitch: { image: `${tag}-gone` } });
    const missing = await deployment.run("up", "--yes");
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain("neither on this host nor can it be pulled");
  });

  /** Runs a line of shell in the image. */
  function inside(line: string): Promise<string> {
    return docker("run", "--rm", "--label", `houseline.stack=${deployment.stack}`, "--network", "none", "--entrypoint", "bash", image, "-c", line);
  }
});

/** Whether a text is anywhere in what `docker save` writes: every layer, and the image's configuration. */
function isInLayers(image: string, mark: string): Promise<boolean> {
  const save = spawn("docker", ["save", image], { stdio: ["ignore", "pipe", "inherit"] });
  let found = false;
  let tail = "";
  save.stdout.setEncoding("latin1").on("data", (chunk: string) => {
    found ||= (tail + chunk).includes(mark);
    tail = chunk.slice(-mark.length);
  });
  return new Promise((resolve, reject) => save.on("error", reject).on("close", () => resolve(found)));
}
