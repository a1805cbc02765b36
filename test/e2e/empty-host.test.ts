import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Deployment, houseline } from "../support/deployment.ts";
import { imagesOfLabStack } from "../support/engine.ts";
import { HostNetwork, noHosts, type TestHost } from "../support/host.ts";
import { OneHost } from "../support/one-host.ts";

describe.skipIf(noHosts !== undefined)(`an empty Debian with an SSH server${noHosts === undefined ? "" : ` (skipped: ${noHosts})`}`, () => {
  let network: HostNetwork;
  let host: TestHost;
  let deployment: Deployment;
  let scene: OneHost | undefined;
  let options: string[];
  let begun: number;
  let spentOnImages: number;

  beforeAll(async () => {
    deployment = await Deployment.prepare();
    network = await HostNetwork.create(deployment.stack);
    host = await network.host("empty", "empty");
    options = ["--host-key", await host.hostKey(), "--identity", network.identityFile];
  });
  afterAll(async () => {
    await scene?.close();
    await network?.remove();
    await deployment?.remove();
  });

  const login = () => `root@${host.publicAddress}`;

  it("the doctor says what it lacks and changes nothing; without its key nothing is sent at all", async () => {
    const unknown = await houseline(["doctor", login()]);
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining(await host.hostKey())]);
    const { code, stdout } = await houseline(["doctor", login(), ...options]);
    expect(code).toBe(1);
    expect(stdout).toContain(`missing  Docker Engine (none answers to this login): type ./houseline prepare ${login()}`);
    expect((await host.shell("ls /etc/docker /etc/sysctl.d/60-houseline.conf")).code).not.toBe(0);
  });

  it("is prepared; again changes nothing, and a configuration of somebody else's stays", async () => {
    begun = performance.now();
    const { code, stdout, seconds } = await houseline(["prepare", login(), ...options, "--yes", "--harden-ssh"]);
    expect([code, stdout]).toEqual([0, expect.stringContaining("found    Docker Engine")]);
    console.log(`preparing an empty Debian: ${seconds.toFixed(1)} s`);
    expect((await host.shell("apt-mark showhold")).stdout).toContain("docker.io");
    await host.shell("echo '{ \"live-restore\": true, \"debug\": false }' > /etc/docker/daemon.json");
    expect((await houseline(["prepare", login(), ...options, "--yes"])).code).toBe(0);
    expect((await host.shell("cat /etc/docker/daemon.json")).stdout).toContain("debug");
    expect((await houseline(["doctor", login(), ...options])).stdout).toContain("found    SSH by keys alone");
  });

  it("carries a call", async () => {
    // What is left out is built there, by its own Docker.
    const images = (await imagesOfLabStack()).filter((image) => !image.startsWith("houseline/secrets:"));
    const before = performance.now();
    // In the place of a registry, which these machines can't reach.
    await host.load(images);
    spentOnImages = performance.now() - before;
    scene = await OneHost.open(deployment, network, host);
    await scene.call();
    console.log(`from an empty Debian to a call: ${((performance.now() - begun) / 1_000).toFixed(0)} s, of which ${(spentOnImages / 1_000).toFixed(0)} s brought images`);
  });
});
