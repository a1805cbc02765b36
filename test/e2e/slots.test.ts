import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker, nextRelease } from "../support/docker.ts";
import type { Phone } from "../support/phones.ts";
import { Scene } from "../support/scene.ts";
import { switches } from "../support/switches.ts";
import { until } from "../support/until.ts";

for (const { name, config, role, image, skip } of switches) describe.skipIf(skip)(`three upgrades while people talk, on ${name}`, () => {
  let scene: Scene;
  const made: string[] = [];

  beforeAll(async () => {
    scene = await Scene.set({ config: { ...config, drainSeconds: 600 }, people: ["anna", "boris", "clara", "dmitri"] });
  });
  afterAll(async () => {
    await scene?.end();
    for (const one of made) await docker("rmi", "--force", one).catch(() => undefined);
  });

  const ofSwitch = async () => (await scene.deployment.containers()).filter((one) => one.role === role && one.state === "running");
  async function configureNext(): Promise<void> {
    const [current] = await ofSwitch();
    const tag = `houseline/${role}:${scene.deployment.stack}-${made.length}`;
    made.push(await nextRelease(current!.image, tag));
    await scene.deployment.configure(image === "labSwitch" ? { images: { labSwitch: tag } } : { freeswitch: { image: tag } });
  }
  const moved = (slot: number, ...phones: Phone[]) => until("everybody at the new switch", async () =>
    (await Promise.all(phones.map(({ page }) => page.evaluate((slot) => window.houseline.media === "registered" && window.houseline.switchUrl?.endsWith(`/sip/${slot}`) === true, slot)))).every(Boolean));

  it("the third is refused with who talks, and changes nothing; with a limit it goes on, and nobody else's call ends", async () => {
    const [anna, boris, clara, dmitri] = [scene.phone("anna"), scene.phone("boris"), scene.phone("clara"), scene.phone("dmitri")];
    await scene.connect(anna, boris, "Boris Weber");
    await configureNext();
    await scene.deployment.up("--no-wait");
    await moved(1, clara, dmitri);
    await scene.connect(clara, dmitri, "Dmitri Orlov");
    await configureNext();
    await scene.deployment.up("--no-wait");
    const before = (await ofSwitch()).map(({ id }) => id).sort();
    expect(before).toHaveLength(3);

    await configureNext();
    const refused = await scene.deployment.run("upgrade", "--yes");
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/^houseline: All 3 slots of the switch are taken: 2 older releases still finish their calls\.\n[\s\S]*--wait-for-slot[\s\S]*--end-after SECONDS\. Nothing was changed\.\n$/)]);
    if (role === "freeswitch") expect(refused.stderr).toMatch(/: (anna and boris|boris and anna) since 20[\s\S]*(clara and dmitri|dmitri and clara) since 20/);
    expect((await ofSwitch()).map(({ id }) => id).sort()).toEqual(before);

    const { stdout } = await scene.deployment.up("--no-wait", "--end-after", "2");
    expect(stdout).toContain("its time is over; ending its calls");
    await Promise.all([anna.idle(), boris.idle()]);
    await Promise.all([clara.hears(dmitri), dmitri.hears(clara)]);
    expect(await ofSwitch()).toHaveLength(3);
    expect(await scene.deployment.run("upgrade", "--end-after", "soon")).toMatchObject({ code: 1, stderr: "houseline: --end-after takes seconds, such as 300; it was given 'soon'.\n" });
  });
});
