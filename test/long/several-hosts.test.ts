import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { noHosts, type TestHost } from "../support/host.ts";
import { longScene } from "../support/long-scene.ts";
import type { Phone } from "../support/phones.ts";
import { SeveralHosts, sites } from "../support/several-hosts.ts";
import { until } from "../support/until.ts";

longScene("a stack on two machines and then three, each with an SSH server and a Docker of its own, on the lab switch", noHosts, () => {
  let scene: SeveralHosts;
  let anna: Phone;
  let boris: Phone;

  beforeAll(async () => { scene = await SeveralHosts.start({ reserve: true }); });
  afterAll(() => scene?.remove());

  const rolesOn = async (host: TestHost) => (await host.running()).map((line) => line.split(" ")[0]);
  const pageLoads = () => Promise.all([anna, boris].map((phone) => phone.page.evaluate(() => performance.timeOrigin)));

  async function connect(): Promise<void> {
    await anna.button("Call Boris Weber").click();
    await answer();
  }

  async function answer(): Promise<void> {
    await boris.button("Answer").click();
    await Promise.all([anna.inState("answered"), boris.inState("answered")]);
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
  }

  async function hangUp(): Promise<void> {
    await anna.button("Hang up").click();
    await Promise.all([anna.idle(), boris.idle()]);
  }

  it("a machine that shows another key than the configuration's is sent nothing, and one whose key isn't given neither", async () => {
    const { softswitch, application } = scene.hosts;
    await scene.deployment.configure({ hosts: { ...scene.hosts, softswitch: { ...softswitch, hostKey: application.hostKey } } });
    const other = await scene.deployment.run("up", "--yes");
    expect([other.code, other.stderr]).toEqual([1, expect.stringContaining(`The host ${softswitch.ssh} shows another key than the one in the stack's configuration`)]);
    await scene.deployment.configure({ hosts: { ...scene.hosts, softswitch: { ...softswitch, hostKey: undefined } } });
    const unknown = await scene.deployment.run("up", "--yes");
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining(`${softswitch.hostKey}\nNothing was changed.`)]);
    expect(await rolesOn(scene.softswitch)).toEqual([""]);
    await scene.deployment.configure({ hosts: scene.hosts });
  });

  it("is deployed over SSH: each machine has its own part, and this one none", async () => {
    const { stdout } = await scene.deployment.up();
    expect(stdout).toContain(scene.page);
    expect(await rolesOn(scene.softswitch)).toEqual(["lab-switch", "softswitch-edge"]);
    expect(await rolesOn(scene.application)).toEqual(["app-server", "app-server-edge"]);
    expect((await scene.deployment.containers()).map(({ role }) => role)).toEqual(["test-host", "test-host", "test-host"]);
  });

  it("people call each other across them, with certificates of the stack's own authority", async () => {
    [anna, boris] = await Promise.all([scene.enter("anna", 440), scene.enter("boris", 880)]);
    await connect();
  });

  it("both servers are upgraded in the middle of the call; the next up collects what is over and changes nothing else", async () => {
    const images = await Promise.all([scene.softswitch.nextRelease("lab-switch"), scene.application.nextRelease("app-server")]);
    await scene.deployment.configure({ images: { ...scene.ready, labSwitch: images[0], appServer: images[1] } });
    await scene.deployment.up("--no-wait");
    expect(await rolesOn(scene.softswitch)).toEqual(["lab-switch", "lab-switch", "softswitch-edge"]);
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
    await Promise.all([anna.ready(), boris.ready()]);
    await hangUp();
    await until("the end of the old switch", async () => (await rolesOn(scene.softswitch)).length === 2);
    expect((await scene.deployment.up()).stdout).toContain("Nothing to change");
    await connect();
  });

  it("calls go on while the servers can't reach each other, and new ones work when they can again", async () => {
    const losses = async () => Number((await scene.application.shell("docker logs $(docker ps -q --filter label=houseline.role=app-server) 2>&1 | grep -c 'link to the switch is lost'")).stdout);
    const before = await losses();
    await scene.softswitch.shell("ip link set eth1 down");
    try {
      await until("the application server to miss the switch", async () => await losses() > before, 30_000);
      await Promise.all([anna.hears(boris), boris.hears(anna)]);
    } finally {
      await scene.softswitch.shell("ip link set eth1 up");
    }
    await hangUp();
    await Promise.all([anna.ready(), boris.ready()]);
    await connect();
    await hangUp();
  });

  it("is looked at and administered from here", async () => {
    const { containers } = JSON.parse((await scene.deployment.run("status", "--json")).stdout) as { containers: { role: string; host: string; state: string }[] };
    expect(containers.filter(({ state }) => state === "healthy").map(({ role, host }) => [role, host])).toEqual([
      ["app-server", scene.hosts.application.ssh], ["app-server-edge", scene.hosts.application.ssh], ["lab-switch", scene.hosts.softswitch.ssh], ["softswitch-edge", scene.hosts.softswitch.ssh],
    ]);
    const { hosts } = JSON.parse((await scene.deployment.run("images", "--plan", "--json")).stdout) as { hosts: { host: string; images: { image: string; what: string }[] }[] };
    expect(hosts.map(({ host, images }) => [host, ...images.map(({ image, what }) => `${image} ${what}`)])).toEqual([
      [scene.hosts.softswitch.ssh, "secrets kept", "freeswitch-sound kept", "lab-switch kept", "edge kept"], [scene.hosts.application.ssh, "secrets kept", "edge kept", "app-server kept"],
    ]);
    expect((await scene.deployment.administer("user", "add", "erika", "Erika Muster")).stdout).toContain("Password: ");
    expect((await scene.deployment.administer("user", "list")).stdout).toContain("Erika Muster");
  });

  it("voicemail on the softswitch's machine is in a backup with the people, and comes back after it was lost", async () => {
    const directory = `/var/lib/houseline/${scene.deployment.stack}/voicemail`;
    const file = join(tmpdir(), `${scene.deployment.stack}.tar`);
    // The lab switch takes none: this is as FreeSWITCH leaves one.
    await scene.softswitch.shell(`mkdir ${directory}/anna && printf 'RIFF a message' > ${directory}/anna/msg_1.wav && chown -R 10001:10001 ${directory}`);
    try {
      const written = await scene.deployment.run("backup", "--to", file);
      expect([written.code, written.stdout]).toEqual([0, expect.stringMatching(/has the database and the voicemail of/)]);
      await scene.softswitch.shell(`rm -rf ${directory}`);
      const restored = await scene.deployment.run("restore", "--from", file, "--yes");
      expect([restored.code, restored.stdout]).toEqual([0, expect.stringMatching(new RegExp(`has the data of 20\\S+ again\\. What was there is in \\S+ of ${scene.hosts.application.ssh}\\.$`, "m"))]);
    } finally {
      await rm(file, { force: true });
    }
    expect((await scene.softswitch.shell(`cd ${directory}/anna && cat msg_1.wav && stat -c ' %u' . msg_1.wav`)).stdout).toBe("RIFF a message 10001\n 10001");
    expect((await scene.deployment.administer("user", "list")).stdout).toContain("Erika Muster");
  });

  it("gets a softswitch in reserve on a third machine, which is idle: people stay with the first", async () => {
    await scene.useStandby();
    const { stdout } = await scene.deployment.up();
    expect(stdout).toMatch(/In reserve +wss:\/\/switch2\.example\.test/);
    expect(await rolesOn(scene.standby)).toEqual(["lab-switch", "softswitch-edge"]);
    // The policy of a page names the switches of the time when it was loaded.
    await Promise.all([anna, boris].map(({ page }) => page.reload()));
    await Promise.all([anna.ready(), boris.ready()]);
    await Promise.all([anna, boris].map((phone) => phone.registeredAt(sites.softswitch, 15_000)));
  });

  it("when the first one's machine is lost everybody is registered with the one in reserve, without a reload, and a call that was begun meanwhile goes there", async () => {
    const loads = await pageLoads();
    const lost = performance.now();
    await scene.loseSoftswitch();
    // Nobody has noticed yet: it goes to the machine that is lost.
    await anna.button("Call Boris Weber").click();
    await Promise.all([anna, boris].map((phone) => phone.registeredAt(sites.standby, 15_000)));
    console.log(`a softswitch's machine is lost: everybody is registered with the one in reserve after ${((performance.now() - lost) / 1_000).toFixed(1)} s`);
    const [{ code, stdout }] = await Promise.all([scene.deployment.run("status"), answer()]);
    expect(await pageLoads()).toEqual(loads);
    expect(code).toBe(0);
    expect(stdout).toContain(`The host ${scene.hosts.softswitch.ssh} can't be reached over SSH`);
    const [plan, preview] = await Promise.all([scene.deployment.run("images", "--plan"), scene.deployment.run("preview")]);
    // By the configuration of the release before, which knows other hosts.
    const rollback = await scene.deployment.run("rollback", "--yes");
    for (const refused of [preview, rollback]) expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining(`The host ${scene.hosts.softswitch.ssh} can't be reached over SSH`)]);
    expect([plan.code, plan.stdout]).toEqual([1, expect.stringMatching(/softswitch\):\n.* can't be reached[^]*app-server +nothing: it is there[^]*What the other hosts would do can't be said/)]);
    expect(stdout).toContain(`The softswitch in reserve, on ${scene.hosts.standby!.ssh}, takes the calls.`);
    expect(stdout).toMatch(new RegExp(`lab-switch .*slot \\d +healthy +${scene.hosts.standby!.ssh}`));
  });

  it("another machine takes the lost one's place by up: people go back to it, and a call on the one in reserve goes on", async () => {
    await scene.replaceSoftswitch();
    await scene.deployment.up();
    await Promise.all([anna, boris].map((phone) => phone.registeredAt(sites.softswitch, 30_000)));
    await Promise.all([anna.inState("answered"), boris.inState("answered")]);
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
    await hangUp();
    await connect();
  });

  it("a machine that is lost is replaced by another at other addresses: people are in calls again", async () => {
    await Promise.all([anna.page.close(), boris.page.close()]);
    await scene.moveSoftswitch();
    const { stdout, seconds } = await scene.deployment.up();
    console.log(`another machine in the place of a lost one: up took ${seconds.toFixed(1)} s`);
    expect(stdout).toContain("lab-switch: started");
    [anna, boris] = await Promise.all([scene.enter("anna", 440), scene.enter("boris", 880)]);
    await Promise.all([anna, boris].map((phone) => phone.registeredAt(sites.softswitch, 15_000)));
    await connect();
  });

  it("is removed from all of them, with the data of its people", async () => {
    expect((await scene.deployment.run("down", "--yes", "--data")).code).toBe(0);
    for (const host of [scene.softswitch, scene.application, scene.standby]) {
      expect(await rolesOn(host)).toEqual([""]);
      expect(await host.docker("volume", "ls", "--quiet")).toBe("");
      expect((await host.shell(`ls /var/lib/houseline/${scene.deployment.stack}`)).code).not.toBe(0);
    }
  });
});
