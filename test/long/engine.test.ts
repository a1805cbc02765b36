import { readFile, readdir } from "node:fs/promises";
import { connect, createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { removeLeftovers } from "../../cli/leftovers.ts";
import { freePercent } from "../../cli/old-images.ts";
import { callersConfig, peopleCall } from "../support/callers.ts";
import { Deployment, root } from "../support/deployment.ts";
import { nextRelease } from "../support/docker.ts";
import { Engine, imagesOfLabStack, noEngine } from "../support/engine.ts";
import { longScene } from "../support/long-scene.ts";
import { SmallDisk } from "../support/small-disk.ts";
import { mended, statusUntruth } from "../support/truth.ts";
import { until } from "../support/until.ts";

longScene("a stack on a Docker engine of its own, the lab switch", noEngine, () => {
  let engine: Engine;
  let deployment: Deployment;
  let [state, data]: SmallDisk[] = [];
  let releases = 0;
  const diskMegabytes = 1_100;

  beforeAll(async () => {
    await removeLeftovers();
    engine = await Engine.create("upgrades", { diskMegabytes, images: await imagesOfLabStack() });
    vi.stubEnv("DOCKER_HOST", engine.host);
    deployment = await Deployment.prepare({ ...callersConfig, drainSeconds: 60, healthySeconds: 30 });
    state = await SmallDisk.mount(join(root, ".houseline/stacks", deployment.stack), 60);
    data = await SmallDisk.mount(join(root, ".houseline/data", deployment.stack), 60);
    await deployment.up();
  });
  afterAll(async () => {
    await deployment?.remove();
    await engine?.remove();
    vi.unstubAllEnvs();
  });
  afterEach(() => { for (const disk of [engine.disk, state, data]) disk?.free(); });

  /** Another release of every service. */
  async function configureNext(): Promise<void> {
    const next = async (role: string) => nextRelease((await deployment.container(role)).image, `houseline/${role}:${deployment.stack}-${releases}`);
    releases++;
    await deployment.configure({ images: { appServer: await next("app-server"), labSwitch: await next("lab-switch"), edge: await next("app-server-edge") } });
  }

  const ids = async () => (await deployment.containers()).map(({ id }) => id).sort();
  /** What our command writes of a stack is whole; the engine's own state is looked at when it was mended. */
  async function recordsAreWhole(): Promise<void> {
    for (const name of await readdir(state!.path)) {
      if (!/\.jsonl?$/.test(name)) continue;
      const text = await readFile(join(state!.path, name), "utf8");
      for (const document of name.endsWith(".jsonl") ? text.trim().split("\n") : [text]) expect(() => JSON.parse(document) as unknown, name).not.toThrow();
    }
  }

  it("the host starts anew after a loss of power: everything is back without a command", async () => {
    const before = await ids();
    await engine.crash();
    await engine.start();
    const began = performance.now();
    await peopleCall(deployment);
    console.log(`people call ${((performance.now() - began) / 1_000).toFixed(1)} s after Docker is back`);
    expect(await ids()).toEqual(before);
    await until("everything healthy", async () => (await statusUntruth(deployment)) === undefined && (await deployment.containers()).every(({ role, state, health }) => /secrets|sound/.test(role) ? state === "created" : health === "healthy"));
    expect((await deployment.up()).stdout).toContain("Nothing to change");
  });

  it("Docker is stopped in the middle of an upgrade, while the old switch drains", async () => {
    await configureNext();
    const upgrading = deployment.run("up", "--yes");
    await until("two healthy switches", async () => (await deployment.containers()).filter(({ role, health }) => role === "lab-switch" && health === "healthy").length === 2, 60_000);
    await engine.stop();
    const failed = await upgrading;
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(/^houseline: /m);
    expect(failed.stdout + failed.stderr).not.toMatch(/^\s+at .*\.ts:/m);
    const silent = await deployment.run("status");
    expect([silent.code, silent.stderr]).toEqual([1, expect.stringContaining("Docker can't be reached")]);

    await engine.start();
    await peopleCall(deployment);
    expect(await statusUntruth(deployment)).toBeUndefined();
    expect((await deployment.run("status")).stdout).toMatch(/'\.\/houseline up' by .* (failed|was interrupted)/);
    await deployment.up();
    await mended(deployment);
    await peopleCall(deployment);
  });

  it("Docker's disk, the data's and the state's are full: up says which, and changes nothing", async () => {
    await configureNext();
    const before = await ids();
    for (const disk of [engine.disk, data!, state!]) {
      disk.fill();
      const refused = await deployment.run("up", "--yes");
      expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(new RegExp(`houseline: The disk with ${disk.path}.* is full`))]);
      expect(refused.stderr).not.toMatch(/^\s+at /m);
      expect(await ids()).toEqual(before);
      await recordsAreWhole();
      // Nobody new signs in without a database; who is signed in goes on calling.
      if (disk === data) await expect(peopleCall(deployment, 1)).rejects.toThrow('"code":"unavailable"');
      else await peopleCall(deployment);
      disk.free();
    }
    await deployment.up();
    await mended(deployment);
    await peopleCall(deployment);
  });

  for (const [whose, disk] of [["Docker's", () => engine.disk], ["the state's", () => state!]] as const) it(`${whose} disk fills up in the middle of an upgrade`, async () => {
    await configureNext();
    const command = deployment.start({}, "up", "--yes");
    let [output, filled] = ["", false];
    for (const stream of [command.stdout, command.stderr]) stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (!filled && output.includes(": starting the new release")) disk().fill();
      filled ||= output.includes(": starting the new release");
    });
    const code = await new Promise((resolve) => command.on("close", resolve));
    console.log(`${whose}: ${code} ${/^houseline: .*/m.exec(output)?.[0]}`);
    expect([code, output]).toEqual([1, expect.stringMatching(/^houseline: .*The disk .*is full/m)]);
    expect(output).not.toMatch(/^\s+at /m);
    await recordsAreWhole();
    await peopleCall(deployment);
    expect(await statusUntruth(deployment)).toBeUndefined();
    disk().free();
    await deployment.up();
    await mended(deployment);
    await peopleCall(deployment);
  });

  it("Docker's disk is nearly full after an upgrade: old images go, the oldest first and no more than it takes; a rollback finds what it needs", async () => {
    const [first, images] = [(await deployment.container("app-server")).image, { labSwitch: (await deployment.container("lab-switch")).image, edge: (await deployment.container("app-server-edge")).image }];
    // A container uses it: it stays, and the others are built from it.
    await engine.docker("create", first, "sleep");
    const reference = (name: string) => `houseline/app-server:${deployment.stack}-${name}`;
    const weight = 40;
    /** What there still is of the heavy releases. */
    const there = async () => (await engine.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "houseline/app-server")).split("\n").flatMap((image) => (/-(one|two|three|four|five)$/.exec(image)?.[1] ?? [])).sort();
    const percent = 10;
    const deploy = async (name: string, exceptMegabytes?: number, minimumFreePercent = percent) => {
      await deployment.configure({ images: { ...images, appServer: await nextRelease(first, reference(name), weight), minimumFreePercent } });
      if (exceptMegabytes !== undefined) engine.disk.fill(exceptMegabytes);
      return deployment.up();
    };
    // Built and not deployed, as releases that were tried out are.
    for (const name of ["one", "two"]) await nextRelease(first, reference(name), weight);
    await deploy("three");
    expect(await there()).toEqual(["one", "three", "two"]);

    // Just under what has to be free: one image is enough.
    const { stdout } = await deploy("four", diskMegabytes * percent / 100 - weight / 2);
    expect(stdout).toMatch(/Removed .* of old releases/);
    expect(await there()).toEqual(["four", "three", "two"]);
    expect(engine.disk.freeMegabytes).toBeGreaterThan(diskMegabytes * percent / 100);
    // As another machine's Docker, whose disk is not ours to look at.
    const line = createServer({ allowHalfOpen: true }, (socket) => { socket.pipe(connect({ path: join(engine.folder, "docker.sock"), allowHalfOpen: true })).pipe(socket).on("error", () => socket.destroy()); });
    await new Promise<void>((resolve) => line.listen(0, "127.0.0.1", resolve));
    const told = await freePercent({ path: "docker", host: `tcp://127.0.0.1:${(line.address() as AddressInfo).port}` });
    line.close();
    expect(Math.abs(told! - (100 * engine.disk.freeMegabytes) / diskMegabytes)).toBeLessThan(1);

    // Nothing that may go makes enough room.
    engine.disk.free();
    await deploy("five", 75, 90);
    expect(await there()).toEqual(["five", "four"]);
    const { code, stdout: back, stderr } = await deployment.run("rollback", "--yes");
    expect(code, back + stderr).toBe(0);
    expect((await deployment.container("app-server")).image).toBe(reference("four"));
    await peopleCall(deployment);
  }, 420_000);
});
