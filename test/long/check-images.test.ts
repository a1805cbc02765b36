import { spawn } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Deployment, type CommandResult } from "../support/deployment.ts";
import { docker } from "../support/docker.ts";
import { longScene } from "../support/long-scene.ts";
import { until } from "../support/until.ts";

const secret = "a-password-of-these-tests";
interface Checked { image: string; findings: string[]; notes: string[] }

longScene("./houseline images --check", undefined, () => {
  let deployment: Deployment;
  const made: string[] = [];

  beforeAll(async () => {
    deployment = await Deployment.prepare();
    expect((await deployment.run("images", "--build", "--yes")).code).toBe(0);
  });
  afterAll(async () => {
    for (const name of ["HOUSELINE_SECURITY_TRACKER", "HOUSELINE_REGISTRY_USER", "HOUSELINE_REGISTRY_PASSWORD"]) delete process.env[name];
    await deployment?.remove();
    for (const image of made) await docker("rmi", "--force", image).catch(() => undefined);
  });

  const check = (...options: string[]): Promise<CommandResult> => deployment.run("images", "--check", ...options);
  const references = async () => Object.fromEntries((JSON.parse((await deployment.run("images", "--json")).stdout) as { image: string; reference: string }[]).map(({ image, reference }) => [image, reference]));

  /** An image of ours with more in it. */
  async function changed(name: string, dockerfile: string): Promise<string> {
    const tag = `houseline/${name}:${deployment.stack}-${made.length}`;
    made.push(tag);
    const child = spawn("docker", ["build", "--quiet", "--network", "none", "--tag", tag, "-"], { env: { ...process.env, DOCKER_BUILDKIT: "0" }, stdio: ["pipe", "ignore", "ignore"] });
    child.stdin.end(`FROM ${(await references())[name]}\n${dockerfile}\n`);
    expect(await new Promise((resolve) => child.on("exit", resolve))).toBe(0);
    return tag;
  }

  it("starts each image as it is deployed and passes every one, and leaves nothing behind", async () => {
    const { code, stdout, stderr } = await check();
    expect(code, stdout + stderr).toBe(0);
    for (const name of ["secrets", "freeswitch-sound", "lab-switch", "edge", "app-server"]) expect(stdout).toMatch(new RegExp(`^ {2}${name} +passed`, "m"));
    // The tracker can't be reached everywhere: then it says so.
    expect(stdout).toMatch(/known vulnerabilities: (not checked, .* can't be reached|\d+ that Debian has not mended yet)/);
    // Another file's command, or another checkout's, may be checking its images; what this one leaves would stay for ever.
    await until("no container of a check", async () => await docker("ps", "--all", "--quiet", "--filter", "label=houseline.check=image") === "", 120_000);
  });

  it("tells of an image that never gets healthy, of one that ignores being told to stop, of ports that are none of its, and of a secret in its history", async () => {
    Object.assign(process.env, { HOUSELINE_REGISTRY_USER: "ci", HOUSELINE_REGISTRY_PASSWORD: secret });
    const listener = "require('node:net').createServer().listen(9999); process.on('SIGTERM', () => {});";
    await deployment.configure({ healthySeconds: 15, images: {
      labSwitch: await changed("lab-switch", `RUN true ${secret}`),
      edge: await changed("edge", 'ENTRYPOINT ["/bin/sh", "-c", "echo this edge can not start; exit 3"]'),
      appServer: await changed("app-server", `USER root\nRUN printf '%s' "${listener}" > /srv/listen.cjs && mv /usr/local/bin/entrypoint.sh /srv/entrypoint.sh\nUSER 10001:10001\nENTRYPOINT ["/bin/bash", "-c", "/srv/entrypoint.sh & exec node /srv/listen.cjs"]`),
    } });
    const { code, stdout } = await check("--json");
    expect(code).toBe(1);
    const findings = Object.fromEntries((JSON.parse(stdout) as Checked[]).map(({ image, findings: found }) => [image, found.join("\n")]));
    expect(findings.edge).toMatch(/started as switch-?\s?edge it is exited after 15 s/);
    expect(findings.edge).toContain("this edge can not start");
    expect(findings["app-server"]).toContain("listens on 9999, which is none of its ports");
    expect(findings["app-server"]).toContain("listens on every address, at 9999");
    expect(findings["app-server"]).toContain("does not end by itself within 30 s when it is told to (exit code 137)");
    expect(findings["lab-switch"]).toBe("its history or configuration has a secret of this stack or machine.");
    expect(stdout).not.toContain(secret);
    await deployment.configure({ images: {} });
  });

  describe("with known vulnerabilities (a mock: Debian's tracker can't be reached everywhere)", () => {
    let tracker: Server;
    beforeAll(async () => {
      const data = { glibc: {
        "CVE-2099-0001": { releases: { bookworm: { status: "resolved", fixed_version: "9:99" } } },
        "CVE-2099-0002": { releases: { bookworm: { status: "open", urgency: "not yet assigned" } } },
        "CVE-2000-0003": { releases: { bookworm: { status: "resolved", fixed_version: "0.1" } } },
        "CVE-2000-0004": { releases: { bookworm: { status: "resolved", fixed_version: "0" }, sid: { status: "open" } } },
      } };
      tracker = createServer((_, response) => response.end(JSON.stringify(data)));
      await new Promise<void>((resolve) => tracker.listen(0, "127.0.0.1", resolve));
    });
    afterAll(() => new Promise((resolve) => tracker.close(resolve)));

    it("fails for what a newer package of Debian's mends, and counts what none does", async () => {
      process.env.HOUSELINE_SECURITY_TRACKER = `http://127.0.0.1:${(tracker.address() as AddressInfo).port}/`;
      const { code, stdout } = await check("--json");
      expect(code).toBe(1);
      const edge = (JSON.parse(stdout) as Checked[]).find(({ image }) => image === "edge")!;
      expect(edge.findings).toEqual([expect.stringMatching(/^glibc 2\.36\S+ has CVE-2099-0001, which 9:99 mends\.$/)]);
      expect(edge.notes).toEqual(["known vulnerabilities: 1 that Debian has not mended yet"]);
    });
  });
});
