import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Deployment } from "../support/deployment.ts";
import { docker, nextRelease, type Seen } from "../support/docker.ts";
import { Phones, type Phone } from "../support/phones.ts";
import { switches } from "../support/switches.ts";
import { until } from "../support/until.ts";

for (const { name, config, role: switchRole, image: switchImage, skip } of switches) describe.skipIf(skip)(`an upgrade in the middle of a call, on ${name}`, () => {
  let deployment: Deployment;
  let phones: Phones;
  let anna: Phone;
  let boris: Phone;
  let before: Seen[];
  const made: string[] = [];

  beforeAll(async () => {
    deployment = await Deployment.prepare(config);
    await deployment.up();
    const password = await deployment.password();
    phones = await Phones.create();
    [anna, boris] = await Promise.all([phones.open(deployment.page, 440), phones.open(deployment.page, 880)]) as [Phone, Phone];
    await anna.signIn("anna", password);
    await boris.signIn("boris", password);
    await Promise.all([anna.ready(), boris.ready()]);
    before = await deployment.containers();
  });
  afterAll(async () => {
    await phones?.close();
    await deployment?.remove();
    for (const image of made) await docker("rmi", "--force", image).catch(() => undefined);
  });

  const image = (role: string) => before.find((one) => one.role === role)!.image;
  const id = (role: string) => before.find((one) => one.role === role)!.id;

  const releases = (ofSwitch: string, appServer: string, edge?: string) => switchImage === "labSwitch"
    ? { images: { labSwitch: ofSwitch, appServer, edge } } : { images: { appServer, edge }, freeswitch: { image: ofSwitch } };

  async function release(role: string, name = ""): Promise<string> {
    const tag = `houseline/${role}:${deployment.stack}${name}`;
    made.push(tag);
    return nextRelease(image(role), tag);
  }

  it("replaces the switch and the application server beside the old ones; nobody notices", async () => {
    await anna.button("Call Boris Weber").click();
    await boris.button("Answer").click();
    await Promise.all([anna.inState("answered"), boris.inState("answered")]);
    await Promise.all([anna.hears(boris), boris.hears(anna)]);

    const line = await anna.page.evaluate(() => window.houseline.switchUrl);
    for (const { page } of [anna, boris]) await page.evaluate(() => { window.mediaStates = []; window.houseline.on("media", (state) => window.mediaStates!.push(state)); });
    await deployment.configure(releases(await release(switchRole), await release("app-server")));
    const { stdout } = await deployment.up("--no-wait");
    expect(stdout).toContain("old release finishes its calls by itself");

    // The old switch goes on for as long as they talk; the application server has handed its sessions over.
    const switches = (await deployment.containers()).filter(({ role }) => role === switchRole);
    expect(switches.map(({ state, health }) => `${state} ${health}`)).toEqual(["running healthy", "running healthy"]);
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
    await until("both pages registered at the new switch", async () => (await Promise.all([anna, boris].map((phone) => phone.page.evaluate(() => window.houseline.state === "online" && window.houseline.media === "registered")))).every(Boolean));
    await until("both pages at the same new switch", async () => (await Promise.all([anna, boris].map(({ page }) => page.evaluate(() => window.houseline.switchUrl)))).every((url) => url !== line));
    // There was always one that calls could go and come over.
    for (const { page } of [anna, boris]) expect(await page.evaluate(() => window.mediaStates)).toEqual([]);
    await Promise.all([anna.sees("boris", "in-call"), boris.sees("anna", "in-call")]);
    expect((await deployment.containers()).find(({ role }) => role === "freeswitch-sound")!.id).toBe(id("freeswitch-sound"));

    await boris.button("Hang up").click();
    await Promise.all([anna.idle(), boris.idle()]);
    await until("the end of the old switch", async () => (await deployment.containers()).some((one) => one.id === id(switchRole) && one.state === "exited" && one.exitCode === 0), 6_000);
    await until("anna to see boris free", async () => await anna.presenceOf("boris") === "available");
  });

  it("then calls go over the new release, and the next up collects what is over", async () => {
    await boris.button("Call Anna Petrova").click();
    await anna.button("Answer").click();
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
    const { stdout } = await deployment.up();
    expect(stdout).toContain("Nothing to change");
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
    const now = await deployment.containers();
    expect(now).toHaveLength(before.length);
    expect(now.every(({ state, health }) => state === "created" || health === "healthy")).toBe(true);
    await anna.button("Hang up").click();
    await Promise.all([anna.idle(), boris.idle()]);
    expect([...anna.complaints, ...boris.complaints].filter((text) => !/WebSocket/.test(text))).toEqual([]);
  });

  it("an edge is replaced under a call: sockets come back by themselves", async () => {
    await anna.button("Call Boris Weber").click();
    await boris.button("Answer").click();
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
    const current = await deployment.container("app-server");
    expect(current.health).toBe("healthy");
    const edge = await release("softswitch-edge");
    await deployment.configure(releases(`houseline/${switchRole}:${deployment.stack}`, `houseline/app-server:${deployment.stack}`, edge));
    await deployment.up();
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
    await Promise.all([anna.ready(), boris.ready()]);
    await until("control connections", async () => (await Promise.all([anna, boris].map((phone) => phone.page.evaluate(() => window.houseline.state === "online")))).every(Boolean));
    await anna.button("Hang up").click();
    await Promise.all([anna.idle(), boris.idle()]);
  });

  it("an edge is replaced while a call rings: it stays for that call, which is answered, and then goes", async () => {
    await anna.button("Call Boris Weber").click();
    await boris.button("Answer").waitFor();
    const old = await deployment.container("softswitch-edge");
    const edge = await release("softswitch-edge", "-next");
    await deployment.configure(releases(`houseline/${switchRole}:${deployment.stack}`, `houseline/app-server:${deployment.stack}`, edge));
    const { stdout } = await deployment.up("--no-wait");
    expect(stdout).toContain("softswitch-edge: new release is healthy");
    const state = async () => (await deployment.containers()).find((one) => one.id === old.id);
    expect(await state()).toMatchObject({ state: "running", health: "healthy" });
    await boris.button("Answer").click();
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
    await until("the old edge gone", async () => { const seen = await state(); return seen === undefined || (seen.state === "exited" && seen.exitCode === 0); }, 10_000);
    await Promise.all([anna.ready(), boris.ready()]);
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
    await anna.button("Hang up").click();
    await Promise.all([anna.idle(), boris.idle()]);
  });
});
