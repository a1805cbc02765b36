import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { removeLeftovers } from "../../cli/leftovers.ts";
import { Deployment, houseline, root } from "../support/deployment.ts";
import { docker, nextRelease, type Seen } from "../support/docker.ts";
import { until } from "../support/until.ts";

const roles = ["app-server", "app-server-edge", "app-server-secrets", "freeswitch-sound", "lab-switch", "softswitch-edge", "softswitch-secrets"];

describe("a stack deployed by ./houseline up, on the lab switch", () => {
  let deployment: Deployment;
  const made: string[] = [];

  beforeAll(async () => {
    deployment = await Deployment.prepare({ healthySeconds: 12 });
    await deployment.up();
  });
  afterAll(async () => {
    await deployment?.remove();
    for (const image of made) await docker("rmi", "--force", image).catch(() => undefined);
  });
  afterEach(async () => { await deployment.configure({ images: {} }); });

  const summary = (containers: readonly Seen[]) => containers.map(({ role, health, state }) => `${role} ${health ?? state}`);
  const whole = roles.map((role) => `${role} ${/secrets|sound/.test(role) ? "created" : "healthy"}`);

  /** An image of a role that goes wrong when it is started. */
  async function broken(role: string, command: string): Promise<string> {
    const tag = `houseline/${role}:${deployment.stack}-${made.length}`;
    made.push(tag);
    await nextRelease((await deployment.container(role)).image, `${tag}-base`);
    made.push(`${tag}-base`);
    const child = spawn("docker", ["build", "--quiet", "--tag", tag, "-"], { env: { ...process.env, DOCKER_BUILDKIT: "0" }, stdio: ["pipe", "ignore", "ignore"] });
    child.stdin.end(`FROM ${tag}-base\nENTRYPOINT ["/bin/bash", "-c", ${JSON.stringify(command)}]\n`);
    await new Promise((resolve) => child.on("exit", resolve));
    return tag;
  }

  it("has a healthy container for each service, and never-started ones for sound and secrets", async () => {
    expect(summary(await deployment.containers())).toEqual(whole);
  });

  it("runs every service without privileges, on a read-only root, as its own user", async () => {
    for (const { id, role, state } of await deployment.containers()) {
      if (state !== "running") continue;
      const [host] = JSON.parse(await docker("inspect", "--format", "[{{json .HostConfig}}]", id)) as { ReadonlyRootfs: boolean; CapDrop: string[]; SecurityOpt: string[]; Init: boolean; NetworkMode: string }[];
      expect(host, role).toMatchObject({ ReadonlyRootfs: true, CapDrop: ["ALL"], Init: true, NetworkMode: "host" });
      expect(host!.SecurityOpt, role).toContain("no-new-privileges:true");
      const status = await docker("exec", id, "cat", "/proc/self/status");
      expect(status, role).toMatch(/^Uid:\s+10001\s+10001/m);
      expect(status, role).toMatch(/^CapEff:\s+0+$/m);
    }
  });

  it("shows no secret in what Docker tells, in processes, in logs or in Pulumi's state", async () => {
    const secrets = JSON.parse(await readFile(join(root, ".houseline/stacks", deployment.stack, "secrets.json"), "utf8")) as Record<string, string>;
    const containers = await deployment.containers();
    const seen = await Promise.all(containers.map(async ({ id, state }) => await docker("inspect", id) + (state === "running" ? await docker("top", id, "-eo", "pid,args") + await docker("logs", id) : "")));
    const state = join(root, ".houseline/stacks", deployment.stack, "state/.pulumi");
    for (const name of await readdir(state, { recursive: true })) if (name.endsWith(".json")) seen.push(await readFile(join(state, name), "utf8"));
    for (const [name, secret] of Object.entries(secrets)) for (const text of seen) expect(text.includes(secret), name).toBe(false);
  });

  it("up again changes nothing", async () => {
    const before = (await deployment.containers()).map(({ id }) => id);
    const { stdout } = await deployment.up();
    expect(stdout).toContain("Nothing to change");
    expect((await deployment.containers()).map(({ id }) => id)).toEqual(before);
  });

  it("status tells every container with its slot, and --json the same for machines", async () => {
    const { stdout } = await deployment.run("status");
    expect(stdout).toMatch(/app-server +\w+ +slot [0-2] +healthy/);
    expect(stdout).toContain("the lab switch");
    const status = JSON.parse((await deployment.run("status", "--json")).stdout) as { switch: string; containers: { role: string; slot?: number; serving: boolean }[] };
    expect(status.switch).toBe("lab-switch");
    expect(status.containers.every(({ serving }) => serving)).toBe(true);
  });

  it("a release that never gets healthy leaves the old one serving, and the next up mends it", async () => {
    const before = await deployment.container("app-server");
    await deployment.configure({ images: { appServer: await broken("app-server", "echo 'this release can not start'; sleep 600") } });
    const failed = await deployment.run("up", "--yes");
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("this release can not start");
    expect(failed.stderr).not.toMatch(/^\s+at .*\.ts:/m);
    expect((await deployment.containers()).find(({ id }) => id === before.id)).toMatchObject({ health: "healthy" });
    expect((await fetch(`${deployment.page}healthz`)).status).toBe(200);
    // Again: it must not be taken for a success, nor pile up.
    expect((await deployment.run("up", "--yes")).code).toBe(1);
    expect((await deployment.containers()).filter(({ role }) => role === "app-server").length).toBeLessThanOrEqual(2);

    await deployment.configure({ images: {} });
    await deployment.up();
    expect(summary(await deployment.containers())).toEqual(whole);
  });

  it("an image that can't be had: refused before anything is stopped", async () => {
    const before = await deployment.containers();
    const nowhere = `localhost:1/houseline/app-server@sha256:${"0".repeat(64)}`;
    await deployment.configure({ images: { appServer: nowhere } });
    const { code, stderr } = await deployment.run("up", "--yes");
    expect([code, stderr]).toEqual([1, expect.stringContaining(`The image ${nowhere} is neither on this host nor can it be pulled (`)]);
    expect(await deployment.containers()).toEqual(before);
  });

  it("rollback deploys the release before, and history tells it all", async () => {
    const tag = `houseline/app-server:${deployment.stack}-next`;
    made.push(tag);
    const before = (await deployment.container("app-server")).image;
    await deployment.configure({ images: { appServer: await nextRelease(before, tag) } });
    const upgrade = await deployment.up();
    expect((await deployment.container("app-server")).image).toBe(tag);
    const { code, stdout, stderr, seconds } = await deployment.run("rollback", "--yes");
    expect(code, stderr).toBe(0);
    expect(stdout).toContain("Going back to the release of");
    console.log(`upgrade: ${upgrade.seconds.toFixed(1)} s, rollback: ${seconds.toFixed(1)} s`);
    expect(seconds).toBeLessThan(1.5 * upgrade.seconds + 3);
    expect((await deployment.container("app-server")).image).toBe(before);
    const told = (await deployment.run("history")).stdout;
    expect(told).toMatch(/deployed +up .*app-server \w+ → .*-next/);
    expect(told).toMatch(/deployed +rollback/);
  });

  it("rollback is refused when the older image is gone", async () => {
    const tag = `houseline/app-server:${deployment.stack}-gone`;
    await deployment.configure({ images: { appServer: await nextRelease((await deployment.container("app-server")).image, tag) } });
    await deployment.up();
    await deployment.configure({ images: {} });
    await deployment.up();
    await docker("rmi", "--force", tag);
    const { code, stderr } = await deployment.run("rollback", "--yes");
    expect(code).toBe(1);
    expect(stderr).toContain(`its image ${tag} is not on this host any more`);
    expect(summary(await deployment.containers())).toEqual(whole);
  });

  it("up killed in the middle: the next one clears the lock and finishes", async () => {
    await deployment.configure({ drainSeconds: 61 });
    const killed = new AbortController();
    const running = deployment.runUntil(killed.signal, "up", "--yes");
    await until("the second switch", async () => (await deployment.containers()).filter(({ role }) => role === "lab-switch").length === 2, 60_000);
    killed.abort();
    await running;
    await until("the engine to be gone", async () => {
      const result = await deployment.run("up", "--yes");
      if (result.code !== 0 && !/right now/.test(result.stderr)) throw new Error(result.stderr);
      return result.code === 0;
    }, 60_000);
    expect(summary(await deployment.containers())).toEqual(whole);
  });

  it("a container that was removed by hand is made again", async () => {
    const { id } = await deployment.container("app-server-edge");
    await docker("rm", "--force", id);
    await deployment.up();
    expect(summary(await deployment.containers())).toEqual(whole);
    expect((await fetch(`${deployment.page}healthz`)).status).toBe(200);
  });

  it("every process killed at one moment, as by a loss of power: everything is back without a command, and signs people in", async () => {
    const running = (await deployment.containers()).filter(({ state }) => state === "running");
    const pids = (await docker("inspect", "--format", "{{.State.Pid}}", ...running.map(({ id }) => id))).split("\n").map(Number);
    for (const pid of pids) process.kill(pid, "SIGKILL");
    await until("new processes", async () => (await docker("inspect", "--format", "{{.RestartCount}}", ...running.map(({ id }) => id))).split("\n").every((count) => count !== "0"), 30_000);
    await until("everything healthy", async () => JSON.stringify(summary(await deployment.containers())) === JSON.stringify(whole), 30_000);
    expect((await fetch(`${deployment.page}healthz`)).status).toBe(200);
    expect((await deployment.administer("user", "list")).stdout).toMatch(/anna/);
    const { stdout } = await deployment.up();
    expect(stdout).toContain("Nothing to change");
  });

  it("a release that is healthy and dies soon after: status says so, and the next up mends it", async () => {
    const tag = await broken("app-server", "entrypoint.sh & sleep 8; kill -KILL $!; exit 3");
    await deployment.configure({ images: { appServer: tag } });
    const { code } = await deployment.run("up", "--yes");
    await until("its death", async () => (await docker("inspect", "--format", "{{.RestartCount}}", (await deployment.containers()).find(({ image }) => image === tag)!.id)) !== "0", 40_000);
    expect([0, 1]).toContain(code);
    await until("the truth of it", async () => /^ {2}app-server .*(starting|restarting|unhealthy|exited)/m.test((await deployment.run("status")).stdout), 40_000);
    await deployment.configure({ images: {} });
    await deployment.up();
    expect(summary(await deployment.containers())).toEqual(whole);
    expect((await fetch(`${deployment.page}healthz`)).status).toBe(200);
  });

  it("two at once: the second is told who is at it", async () => {
    await deployment.configure({ drainSeconds: 62 });
    const first = deployment.run("up", "--yes");
    const lock = join(root, ".houseline/stacks", deployment.stack, "lock.json");
    await until("the lock", () => existsSync(lock));
    const second = await deployment.run("up", "--yes");
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/'\.\/houseline up' by .* is changing the stack/);
    expect((await first).code).toBe(0);
  });
});

describe("what a killed run of the tests left", () => {
  it("is removed by the next one", async () => {
    // Beyond the highest number that the kernel gives a process.
    const stack = "test-4194305-dead";
    const label = `houseline.stack=${stack}`;
    await docker("volume", "create", "--label", label, `houseline-${stack}-slots`);
    // Another file, or another checkout, that looks for such just now may be faster than what makes and starts it: then it is gone already.
    await docker("run", "--detach", "--label", label, "--mount", `type=volume,source=houseline-${stack}-slots,target=/slots,volume-label=${label}`, "--entrypoint", "sleep", "debian:bookworm-slim", "600").catch(() => undefined);
    await removeLeftovers();
    expect(await docker("ps", "-aq", "--filter", `label=houseline.stack=${stack}`)).toBe("");
    expect(await docker("volume", "ls", "-q", "--filter", `label=houseline.stack=${stack}`)).toBe("");
  });
});

describe("what is refused before anything changes", () => {
  let deployment: Deployment;
  const servers: Server[] = [];

  beforeAll(async () => { deployment = await Deployment.prepare(); });
  afterAll(async () => {
    for (const server of servers) server.close();
    await deployment?.remove();
  });

  async function refusal(change: Record<string, unknown>, undo: Record<string, unknown>): Promise<string> {
    await deployment.configure(change);
    const { code, stdout, stderr } = await deployment.run("up", "--yes");
    await deployment.configure(undo);
    expect(code).toBe(1);
    expect(stdout + stderr).not.toMatch(/^\s+at /m);
    expect(await deployment.containers()).toEqual([]);
    return stderr;
  }

  it("an unknown key, with the one that was meant", async () => {
    expect(await refusal({ drainSecond: 5 }, { drainSecond: undefined })).toMatch(/no key 'houseline:drainSecond'; did you mean 'drainSeconds'\?/);
  });

  it("a wrong type and a value out of bounds", async () => {
    expect(await refusal({ drainSeconds: "soon" }, { drainSeconds: 60 })).toMatch(/'houseline:drainSeconds' must be a(t least| number| whole number).*it is "soon"/);
    expect(await refusal({ drainSeconds: 0 }, { drainSeconds: 60 })).toContain("at least 1");
  });

  it("ports that overlap", async () => {
    const base = deployment.ports.esl!;
    expect(await refusal({ ports: { ...deployment.ports, sip: base } }, { ports: deployment.ports })).toMatch(/overlap/);
  });

  it("a port that another program has", async () => {
    const server = createServer();
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(deployment.ports.switchEdge, "127.0.0.1", resolve));
    expect(await refusal({}, {})).toMatch(new RegExp(`Port ${deployment.ports.switchEdge} .* is taken by .*process ${process.pid}`));
    server.close();
  });

  it("FreeSWITCH asked for and no source of it", async () => {
    // The variable by which these tests are given a source counts for every stack.
    vi.stubEnv("HOUSELINE_FREESWITCH_APT", "");
    expect(await refusal({ switch: { kind: "freeswitch" } }, { switch: { kind: "lab" } })).toContain("nothing says where FreeSWITCH comes from");
    vi.unstubAllEnvs();
  });

  it("a Docker that doesn't answer", async () => {
    const { code, stderr } = await houseline(["up", "--yes"], { DOCKER_HOST: "unix:///nonexistent/docker.sock" });
    expect(code).toBe(1);
    expect(stderr).toContain("no Docker answers there");
  });

  it("a stack that isn't there, an option and a command that aren't", async () => {
    expect((await houseline(["up", "nowhere"])).stderr).toContain("Pulumi.nowhere.yaml is missing");
    expect((await houseline(["up", "--jes"])).stderr).toContain("did you mean 'yes'");
    expect((await houseline(["upp"])).stderr).toContain("no command 'upp'");
  });
});
