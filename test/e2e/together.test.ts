import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Phone } from "../support/phones.ts";
import { Scene } from "../support/scene.ts";
import { switches } from "../support/switches.ts";
import { until } from "../support/until.ts";

const freeswitch = switches.find(({ role }) => role === "freeswitch")!;

describe.skipIf(freeswitch.skip)(`more than two, on ${freeswitch.name}`, () => {
  let scene: Scene;
  let anna: Phone;
  let boris: Phone;
  let clara: Phone;

  beforeAll(async () => {
    scene = await Scene.set({ config: freeswitch.config, people: ["anna", "boris", "clara"] });
    [anna, boris, clara] = [scene.phone("anna"), scene.phone("boris"), scene.phone("clara")];
  });
  afterAll(() => scene?.end());
  afterEach(() => scene?.clear());

  /** Boris, in a call with Anna, asks Clara first. */
  async function ask(): Promise<void> {
    await scene.connect(anna, boris, "Boris Weber");
    await boris.button("Transfer").click();
    await boris.button("Ask first: Clara Dubois").click();
    await clara.button("Answer").click();
    await Promise.all([boris.hears(clara), clara.hears(boris)]);
    await anna.hearsMusic(boris, clara);
  }

  it("attended transfer: one waits with music, then the two others talk", async () => {
    await ask();
    await boris.button("Connect them").click();
    await Promise.all([anna.hears(clara), clara.hears(anna)]);
    await boris.idle();
    await Promise.all([anna.inState("answered"), clara.inState("answered")]);
    await anna.sees("boris", "available");
    expect(await until("who talks", () => anna.page.evaluate(() => window.houseline.calls[0]?.peer.user === "clara"))).toBe(true);
  });

  it("attended transfer: swapping talks to the other, and giving up goes back to the first", async () => {
    await ask();
    await boris.button("Swap").click();
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
    await clara.hearsMusic(anna, boris);
    await boris.button("Swap").click();
    await Promise.all([clara.hears(boris), boris.hears(clara)]);
    await boris.button("Back to the call").click();
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
    await clara.idle();
  });

  it("a call that waits keeps its connection: the switch goes on answering the browser's checks (RFC 7675)", async () => {
    await ask();
    const checks = () => boris.page.evaluate(async () => {
      const reports = await window.houseline.calls[0]!.connection!.getStats();
      let received = 0;
      reports.forEach((report: { type: string; responsesReceived?: number }) => { if (report.type === "candidate-pair") received += report.responsesReceived ?? 0; });
      return received;
    });
    const before = await checks();
    await until("answers to two more checks", async () => await checks() >= before + 2);
    expect(await boris.page.evaluate(() => window.houseline.calls.map(({ unstable }) => unstable))).toEqual([false, false]);
    await boris.button("Back to the call").click();
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
  });

  it("a question becomes a conference of all three; one leaves, the others go on", async () => {
    await ask();
    await boris.button("Conference").click();
    await Promise.all([anna.hearsAll(boris, clara), boris.hearsAll(anna, clara), clara.hearsAll(anna, boris)]);
    await until("one call at each", async () => (await Promise.all([anna, boris, clara].map((phone) => phone.page.evaluate(() => window.houseline.calls.length)))).every((count) => count === 1));
    await boris.button("Leave").click();
    await boris.idle();
    await Promise.all([anna.hears(clara), clara.hears(anna)]);
  });

  it("somebody is added to a call, and taken out of it again", async () => {
    await scene.connect(anna, boris, "Boris Weber");
    await anna.button("Add person").click();
    await anna.button("Add: Clara Dubois").click();
    await clara.button("Answer").click();
    await Promise.all([anna.hearsAll(boris, clara), clara.hearsAll(anna, boris)]);
    await anna.button("Take Clara Dubois out of the call").click();
    await clara.idle();
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
  });

  it("a parked call waits with music, and a colleague picks it up by its space", async () => {
    await scene.connect(anna, boris, "Boris Weber");
    await boris.button("Park").click();
    const words = await until("the space", async () => /space (\d+)/.exec(await boris.page.locator("#toast").textContent() ?? "")?.[1]);
    await boris.idle();
    await anna.hearsMusic(boris);
    await clara.page.locator("#tab-rooms").click();
    await clara.page.getByLabel("Space").fill(words);
    await clara.button("Pick up").click();
    await Promise.all([anna.hears(clara), clara.hears(anna)]);
    await clara.page.locator("#tab-people").click();
  });

  it("a supervisor listens unheard, then is heard by one alone, then by both", async () => {
    await scene.connect(anna, boris, "Boris Weber");
    const supervisor = await superviser();
    await supervisor.page.getByRole("button", { name: /^Listen: / }).click();
    await supervisor.hearsAll(anna, boris);
    await Promise.all([anna.hearsNothingOf(supervisor), boris.hearsNothingOf(supervisor)]);
    expect(await anna.page.evaluate(() => window.houseline.calls[0]!.others.length)).toBe(1);
    await supervisor.button("Whisper").click();
    await boris.hearsAll(anna, supervisor);
    await anna.hearsNothingOf(supervisor);
    await supervisor.button("Join in").click();
    await Promise.all([anna.hearsAll(boris, supervisor), boris.hearsAll(anna, supervisor)]);
    await supervisor.button("Leave").click();
    await supervisor.idle();
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
  });

  /** Whoever may supervise among the demo people. */
  async function superviser(): Promise<Phone> {
    const dmitri = await scene.enter("dmitri");
    await dmitri.page.locator("#tab-supervise").click();
    return dmitri;
  }
});
