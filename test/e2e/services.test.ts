import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { docker } from "../support/docker.ts";
import type { Phone } from "../support/phones.ts";
import { Scene } from "../support/scene.ts";
import { switches } from "../support/switches.ts";
import { until } from "../support/until.ts";

const freeswitch = switches.find(({ role }) => role === "freeswitch")!;

describe.skipIf(freeswitch.skip)(`what can be dialled besides people, on ${freeswitch.name}`, () => {
  let scene: Scene;
  let anna: Phone;
  let boris: Phone;

  beforeAll(async () => {
    scene = await Scene.set({ config: freeswitch.config, people: ["anna", "boris"] });
    [anna, boris] = [scene.phone("anna"), scene.phone("boris")];
  });
  afterAll(() => scene?.end());
  afterEach(() => scene?.clear());

  const dial = (phone: Phone, address: string) => phone.page.evaluate((address) => void window.houseline.call(address), address);
  const press = (phone: Phone, keys: string) => phone.page.evaluate((keys) => window.houseline.calls[0]!.dtmf(keys), keys);
  const answered = (phone: Phone) => until("an answered call", () => phone.page.evaluate(() => window.houseline.calls[0]?.state === "answered"), 20_000);
  const speaks = (phone: Phone) => until("something said", async () => await phone.loudest() > -60, 20_000);

  it("the echo test gives one's own voice back", async () => {
    await dial(anna, "9196");
    await answered(anna);
    await until("one's own tone", async () => await anna.level(anna.hz) > -50);
  });

  it("the music of hold plays by itself", async () => {
    await dial(anna, "9664");
    await answered(anna);
    await anna.hearsMusic(anna);
  });

  it("a room asks for its PIN; a moderator mutes, locks and removes", async () => {
    const token = (await scene.deployment.administer("token", "add", "rooms", "--scopes", "rooms.manage")).stdout.split("\n").find((line) => line.startsWith("hl_"))!;
    const added = await fetch(`${scene.deployment.page}api/rooms`, {
      method: "POST", headers: { "authorization": `Bearer ${token}`, "content-type": "application/json" }, body: JSON.stringify({ name: "blue", title: "Blue", number: "300", pin: "4711", moderators: ["anna"] }),
    });
    expect(added.status).toBe(201);
    await dial(anna, "room-blue");
    await answered(anna);
    await dial(boris, "300");
    await answered(boris);
    const inside = () => anna.page.evaluate(() => window.houseline.rooms.list.find(({ name }) => name === "blue")?.members.map(({ user }) => user).sort().join());
    await speaks(boris);
    expect(await inside()).toBe("anna");
    await press(boris, "4711#");
    await until("both in the room", async () => await inside() === "anna,boris");
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
    const moderate = (action: "lock" | "unlock" | { mute: string } | { kick: string }) => anna.page.evaluate(
      (action) => window.houseline.rooms.moderate("blue", typeof action === "string" ? { action } : "mute" in action ? { action: "mute", user: action.mute } : { action: "kick", user: action.kick }), action);
    await moderate({ mute: "boris" });
    await anna.hearsNothingOf(boris);
    await moderate("lock");
    await moderate({ kick: "boris" });
    await boris.idle();
    expect(await inside()).toBe("anna");
    await dial(boris, "300");
    await answered(boris);
    await speaks(boris);
    await press(boris, "4711#");
    await until("nobody let into a locked room", () => boris.page.evaluate(() => window.houseline.calls.length === 0), 40_000);
    expect(await inside()).toBe("anna");
  });

  it("a call to somebody who is not there says so before it ends", async () => {
    await dial(anna, "dmitri");
    await speaks(anna);
    await anna.idle();
    expect(await anna.recent()).toMatch(/Dmitri Orlov/);
  });

  it("somebody who is away has a message taken, and hears it later", async () => {
    const clara = await scene.enter("clara");
    await clara.page.evaluate(() => window.houseline.directory.setPreferences({ voicemail: true }));
    await clara.page.evaluate(() => window.houseline.logout());
    await anna.sees("clara", "offline");
    await dial(anna, "clara");
    await answered(anna);
    const { id } = await scene.deployment.container("freeswitch");
    const recording = () => docker("exec", id, "bash", "-c", "cat /var/lib/houseline/voicemail/*/clara/msg_*.wav 2>/dev/null | wc -c");
    // 16,000 samples of two bytes a second: four seconds of her tone.
    await until("a recording", async () => Number(await recording()) > 128_000, 40_000);
    await anna.page.evaluate(() => window.houseline.calls[0]!.hangup());
    await anna.idle();
    await clara.signIn("clara", scene.password);
    await clara.ready();
    await dial(clara, "*97");
    await until("the voice of who called", async () => await clara.level(anna.hz) > -50, 40_000);
    await clara.page.evaluate(() => window.houseline.calls[0]!.hangup());
    await clara.page.evaluate(() => window.houseline.logout());
  });

  it("with the application server gone, who is signed in goes on calling; it comes back without anybody noticing", async () => {
    const { id } = await scene.deployment.container("app-server");
    await docker("kill", id);
    await until("the pages to notice", async () => (await Promise.all([anna, boris].map((phone) => phone.page.evaluate(() => window.houseline.state)))).every((state) => state !== "online"));
    await dial(anna, "boris");
    await boris.button("Answer").click();
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
    await docker("start", id);
    await until("the pages to be back", async () => (await Promise.all([anna, boris].map((phone) => phone.page.evaluate(() => window.houseline.state)))).every((state) => state === "online"), 60_000);
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
    expect(await Promise.all([anna.inState("answered"), boris.inState("answered")]).then(([one, other]) => one === other)).toBe(true);
  });
});
