import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { until } from "./browser.ts";
import type { Person } from "./directory.ts";
import { Scene, surelyHeard } from "./scene.ts";
import { aptSource, domain, dockerRun, skipReason } from "./stack.ts";

const people = {
  anna: { name: "anna", extension: "101", authName: "anna~k3f9", password: "one", hz: 2700 },
  boris: { name: "boris", extension: "102", authName: "boris~x1", password: "two", hz: 3000, voicemail: true },
  vera: { name: "vera", extension: "103", authName: "vera~9", password: "three", hz: 3300, language: "ru", voicemail: true },
} as const;
const others: Person[] = [
  { name: "gleb", extension: "104", authName: "gleb~1", password: "four", voicemail: true },
  { name: "dora", extension: "105", authName: "dora~1", password: "five", doNotDisturb: true, voicemail: true },
];

describe.skipIf(!aptSource)(`voicemail through FreeSWITCH${skipReason && ` (skipped: ${skipReason})`}`, () => {
  let scene: Scene<keyof typeof people>;

  beforeAll(async () => { scene = await Scene.open(people, { others, settings: { HOUSELINE_RING_SECONDS: "2" } }); });
  afterAll(async () => { await scene?.close(); });
  afterEach(async () => { await scene?.clear(); });

  const esl = (command: string) => scene.running.command(command);
  const waiting = (name: string) => esl(`vm_boxcount ${name}@${domain}`);
  const files = async (name: string) =>
    (await dockerRun("exec", scene.running.name, "bash", "-c", `ls /var/lib/houseline/voicemail/${domain}/${name}/msg_*.wav 2>/dev/null || true`)).split("\n").filter(Boolean);
  /** Length of the newest recording for somebody, of 16,000 samples of two bytes a second. */
  const seconds = async (name: string) => {
    const [file] = await files(name);
    return file === undefined ? 0 : Number(await dockerRun("exec", scene.running.name, "stat", "-c", "%s", file)) / 32_000;
  };
  const inject = (name: string, sound: string) => esl(`voicemail_inject ${name}@${domain} /usr/share/freeswitch/sounds/en/us/callie/${sound} 101 Anna`);

  it("takes a message when nobody answers; its owner, without a PIN, is told of it, hears it and deletes it", async () => {
    await scene.patient("boris");
    await scene.call("anna", "boris");
    await scene.hearsPrompt("anna", "houseline/vm-greeting");
    await scene.hearsStart("anna", "houseline/vm-record-message");
    // Anna's microphone plays her tone; after three seconds of it she ends the message, and keeps it.
    await until("a recording of three seconds", async () => await seconds("boris") > 3, 20_000);
    await scene.presses("anna", "#");
    await scene.hearsStart("anna", "houseline/vm-record-check");
    await scene.hangUp("anna");
    await until("a message waiting", async () => await waiting("boris") === "1");
    expect(await files("boris")).toHaveLength(1);

    await scene.call("boris", "*97");
    await scene.hearsStart("boris", "houseline/vm-new-messages");
    await scene.hearsPrompt("boris", "houseline/vm-from");
    await scene.hears("boris", "anna");
    await scene.hearsStart("boris", "houseline/vm-listen-check");
    await scene.presses("boris", "7");
    await scene.hearsPrompt("boris", "houseline/vm-deleted");
    await until("no message", async () => await waiting("boris") === "0" && (await files("boris")).length === 0);
  });

  it.each([
    ["is not signed in", "gleb"],
    ["does not want to be disturbed", "dora"],
  ] as const)("greets the caller of somebody who %s", async (_, name) => {
    await scene.call("vera", name);
    await scene.hearsPrompt("vera", "houseline/vm-greeting", "ru");
    await scene.event("vera", "accepted");
  });

  it("greets the caller of somebody busy, but not of somebody who declined", async () => {
    await scene.patient("boris");
    await scene.call("anna", "boris");
    await scene.event("boris", "incoming");
    await scene.pages.boris.evaluate(() => window.phone.session.terminate({ status_code: 486 }));
    await scene.hearsPrompt("anna", "houseline/vm-greeting");
    await scene.clear();
    await scene.patient("boris");
    await scene.call("anna", "boris");
    await scene.event("boris", "incoming");
    await scene.pages.boris.evaluate(() => window.phone.session.terminate({ status_code: 603 }));
    await scene.hearsPrompt("anna", "houseline/declined");
    expect(await scene.event("anna", "failed")).toMatch(/^failed Rejected 603/);
  });

  it("opens nobody's box to a caller who presses keys during the greeting", async () => {
    await scene.call("anna", "gleb");
    await scene.hearsStart("anna", "houseline/vm-greeting");
    for (const keys of ["0", "*", "1#"]) await scene.presses("anna", keys);
    await scene.hearsStart("anna", "houseline/vm-record-message");
    expect(await scene.likeness("anna", "houseline/vm-new-messages")).toBeLessThan(surelyHeard);
    expect(await scene.likeness("anna", "houseline/vm-menu")).toBeLessThan(surelyHeard);
  });

  it("keeps messages on the host: another release has them", async () => {
    expect(await inject("boris", "houseline/48000/try-again.wav")).toBe("+OK");
    await until("a message waiting", async () => await waiting("boris") === "1");
    await scene.running.terminate();
    await scene.running.ended(15_000);
    await scene.restart();
    expect(await waiting("boris")).toBe("1");
    expect(await esl(`vm_list boris@${domain}`)).toContain("msg_");
  });

  it("says that a full box is full", async () => {
    for (let message = 0; message < 50; message++) await inject("vera", "digits/8000/1.wav");
    await until("fifty messages", async () => await waiting("vera") === "50");
    await scene.register("anna");
    await scene.call("anna", "voicemail-vera");
    await scene.hearsPrompt("anna", "houseline/vm-full");
    await scene.event("anna", "ended");
  });
});
