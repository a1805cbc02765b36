import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { noHosts, type TestHost } from "../support/host.ts";
import type { Phone } from "../support/phones.ts";
import { TwoHosts } from "../support/two-hosts.ts";
import { until } from "../support/until.ts";

describe.skipIf(noHosts !== undefined)(`a stack on two machines, each with an SSH server and a Docker of its own${noHosts === undefined ? "" : ` (skipped: ${noHosts})`}, on the lab switch`, () => {
  let scene: TwoHosts;
  let anna: Phone;
  let boris: Phone;

  beforeAll(async () => { scene = await TwoHosts.start(); });
  afterAll(() => scene?.remove());

  const running = async (host: TestHost) => (await host.docker("ps", "--format", "{{.Label \"houseline.role\"}} {{.Image}}")).split("\n").sort();
  const rolesOn = async (host: TestHost) => (await running(host)).map((line) => line.split(" ")[0]);

  async function connect(): Promise<void> {
    await anna.button("Call Boris Weber").click();
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
    expect(await scene.deployment.containers()).toEqual([expect.objectContaining({ role: "test-host" }), expect.objectContaining({ role: "test-host" })]);
  });

  it("people call each other across them, with certificates of the stack's own authority", async () => {
    [anna, boris] = await Promise.all([scene.enter("anna", 440), scene.enter("boris", 880)]);
    await connect();
  });

  it("both servers are upgraded in the middle of the call; the next up collects what is over and changes nothing else", async () => {
    const images = await Promise.all([nextOn(scene.softswitch, "lab-switch"), nextOn(scene.application, "app-server")]);
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
    expect((await scene.deployment.administer("user", "add", "erika", "Erika Muster")).stdout).toContain("Password: ");
    expect((await scene.deployment.administer("user", "list")).stdout).toContain("Erika Muster");
  });

  it("a machine that is lost is replaced by another: people are in calls again", async () => {
    await scene.loseSoftswitch();
    const { stdout, seconds } = await scene.deployment.up();
    console.log(`another machine in the place of a lost one: up took ${seconds.toFixed(1)} s`);
    expect(stdout).toContain("lab-switch: started");
    [anna, boris] = await Promise.all([scene.enter("anna", 440), scene.enter("boris", 880)]);
    await connect();
  });

  it("is removed from both, with the data of its people", async () => {
    expect((await scene.deployment.run("down", "--yes", "--data")).code).toBe(0);
    for (const host of [scene.softswitch, scene.application]) {
      expect(await rolesOn(host)).toEqual([""]);
      expect(await host.docker("volume", "ls", "--quiet")).toBe("");
      expect((await host.shell(`ls /var/lib/houseline/${scene.deployment.stack}`)).code).not.toBe(0);
    }
  });

  /** The same image by another name: another release. */
  async function nextOn(host: TestHost, role: string): Promise<string> {
    const image = (await running(host)).find((line) => line.startsWith(`${role} `))!.split(" ")[1]!;
    await host.docker("tag", image, `houseline/${role}:next`);
    return `houseline/${role}:next`;
  }
});
