import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { noHosts, type TestHost } from "../support/host.ts";
import { longScene } from "../support/long-scene.ts";
import type { Phone } from "../support/phones.ts";
import { SeveralHosts, sites } from "../support/several-hosts.ts";
import { switches } from "../support/switches.ts";
import { until } from "../support/until.ts";

declare global {
  interface Window { away?: { longest: number; since: number; losses: number } }
}

/** On FreeSWITCH, where there is one; the lab switch does all of it, too. */
const on = switches.find(({ role, skip }) => role === "freeswitch" && !skip) ?? switches[0];

longScene(`two application servers, each on a machine of its own, and one PostgreSQL, on ${on.name}`, noHosts, () => {
  let scene: SeveralHosts;
  let anna: Phone;
  let boris: Phone;

  beforeAll(async () => {
    scene = await SeveralHosts.start({ secondApplication: true, on });
    const { stdout } = await scene.deployment.up();
    expect(stdout).toMatch(/Softphone +https:\/\/phone\.example\.test\S+\n +https:\/\/phone2\.example\.test/);
    [anna, boris] = await Promise.all([scene.enter("anna", 440), scene.enter("boris", 880, sites.secondApplication)]);
  });
  afterAll(() => scene?.remove());

  const serverOf = (phone: Phone) => phone.page.evaluate(() => (window.houseline.state === "online" ? window.houseline.serverUrl : window.houseline.state));
  const controlOf = (site: string) => `${scene.origin(site, "wss")}/ws`;
  const isAt = (phone: Phone, site: string, milliseconds: number) => until(`a session at ${site}`, async () => await serverOf(phone) === controlOf(site), milliseconds);

  async function connect(caller: Phone, callee: Phone, name: string): Promise<string> {
    await caller.button(`Call ${name}`).click();
    await callee.button("Answer").click();
    const [id] = await Promise.all([caller.inState("answered"), callee.inState("answered")]);
    await Promise.all([caller.hears(callee), callee.hears(caller)]);
    return id;
  }

  const callOf = (phone: Phone) => phone.page.evaluate(() => window.houseline.calls.map(({ callId, state }) => `${callId} ${state}`).join());

  /** From now on it is known how long a page has been without its server, and whether it lost its session. */
  async function watch(phone: Phone): Promise<void> {
    await phone.page.evaluate(() => {
      const away = window.away = { longest: 0, since: 0, losses: 0 };
      window.houseline.on("lost", () => { away.losses++; });
      window.houseline.on("state", (state) => {
        if (state !== "online") away.since ||= performance.now();
        else if (away.since > 0) [away.longest, away.since] = [Math.max(away.longest, performance.now() - away.since), 0];
      });
    });
  }

  const awayOf = (phone: Phone) => phone.page.evaluate(() => window.away!);

  it("people at either call each other", async () => {
    await Promise.all([isAt(anna, sites.application, 5_000), isAt(boris, sites.secondApplication, 5_000)]);
    await connect(anna, boris, "Boris Weber");
  });

  it("both are upgraded in the middle of the call, one after the other, and nobody is without a server for long", async () => {
    const id = (await callOf(anna)).split(" ")[0];
    const hosts = [scene.application, scene.secondApplication];
    const [appServer] = await Promise.all(hosts.map((host) => host.nextRelease("app-server")));
    await scene.deployment.configure({ images: { ...scene.ready, appServer } });
    await Promise.all([anna, boris].map(watch));
    const began = Date.now();
    const { seconds } = await scene.deployment.up();
    await Promise.all([isAt(anna, sites.application, 5_000), isAt(boris, sites.secondApplication, 5_000)]);
    const away = await Promise.all([anna, boris].map(awayOf));
    console.log(`both upgraded in ${seconds.toFixed(1)} s: without a server for ${away.map(({ longest }) => Math.round(longest)).join(" and ")} ms`);
    for (const { longest, losses } of away) expect([longest < 3_000, longest > 0, losses]).toEqual([true, true, 0]);
    expect([await callOf(anna), await callOf(boris)]).toEqual([`${id} answered`, `${id} answered`]);
    const [first, second] = await Promise.all(hosts.map((host) => replacement(host, began)));
    // Both have their successor first; then one after the other goes.
    expect(Math.max(first!.successor, second!.successor)).toBeLessThan(Math.min(first!.told, second!.told));
    expect(first!.told > second!.gone || second!.told > first!.gone).toBe(true);
  });

  it("one's machine says nothing any more in the middle of the call: it goes on, and whoever was there is at the other within seconds", async () => {
    const id = (await callOf(anna)).split(" ")[0];
    await Promise.all([anna.listenFor(boris), boris.listenFor(anna)]);
    const lost = performance.now();
    await scene.application.silence();
    await isAt(anna, sites.secondApplication, 15_000);
    console.log(`an application server's machine is lost: its people are at the other after ${((performance.now() - lost) / 1_000).toFixed(1)} s`);
    expect([await callOf(anna), await callOf(boris)]).toEqual([`${id} answered`, `${id} answered`]);
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
    expect(Math.max(await anna.longestSilence(), await boris.longestSilence())).toBeLessThan(1_500);
    expect((await awayOf(anna)).losses).toBe(0);
  });

  it("both control their calls by the other: hold, a transfer to somebody who signs in only now, a new call; meanwhile status names the lost machine, people are administered and voicemail is backed up", async () => {
    const file = join(tmpdir(), `${scene.deployment.stack}.tar`);
    const commands = Promise.all([scene.deployment.run("status"), scene.deployment.administer("user", "add", "erika", "Erika Muster"), scene.deployment.run("backup", "--to", file)]).finally(() => rm(file, { force: true }));
    await anna.button("Hold").click();
    await Promise.all([anna.inState("held"), boris.hearsNothingOf(anna)]);
    await anna.button("Resume").click();
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
    const clara = await scene.enter("clara", 660, sites.secondApplication);
    await anna.page.evaluate(() => window.houseline.calls[0]!.transfer("clara"));
    await clara.button("Answer").click();
    await Promise.all([clara.hears(boris), boris.hears(clara), anna.idle()]);
    await boris.button("Hang up").click();
    await Promise.all([boris.idle(), clara.idle()]);
    await connect(boris, anna, "Anna Petrova");
    const [{ code, stdout }, added, backup] = await commands;
    expect([code, added.code, backup.code]).toEqual([0, 0, 0]);
    expect(backup.stdout).toContain("People, messages and history are in PostgreSQL");
    expect(stdout).toContain(`The host ${scene.hosts.application.ssh} can't be reached over SSH`);
    expect(stdout).toContain(`The application server on ${scene.hosts.moreApplications![0]!.ssh} has everybody who was at the lost one.`);
  });

  it("when the machine is there again nothing is to be typed: whoever opens its page is there, and calls who stayed at the other", async () => {
    await anna.button("Hang up").click();
    await Promise.all([anna.idle(), boris.idle()]);
    await scene.application.wake();
    await until("the first page", async () => (await scene.application.shell("docker ps --filter label=houseline.role=app-server --filter health=healthy --quiet | grep .")).code === 0, 30_000);
    const dmitri = await scene.enter("dmitri", 550);
    await isAt(dmitri, sites.application, 5_000);
    await connect(dmitri, boris, "Boris Weber");
  });

  /** When a machine's new application server began, its old one was told to go, and was gone; in nanoseconds since 1970. */
  async function replacement(host: TestHost, since: number): Promise<{ successor: number; told: number; gone: number }> {
    const lines = (await host.docker("events", "--since", String(since / 1_000), "--until", String(Date.now() / 1_000), "--filter", "label=houseline.role=app-server", "--format", "{{.Action}} {{.TimeNano}}")).split("\n");
    const [successor, told, gone] = ["start", "kill", "die"].map((action) => Number(lines.find((line) => line.startsWith(`${action} `))?.split(" ")[1]));
    return { successor: successor!, told: told!, gone: gone! };
  }
});
