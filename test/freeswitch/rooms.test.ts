import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { until } from "./browser.ts";
import type { Room } from "./directory.ts";
import { Scene, surelyHeard } from "./scene.ts";
import { aptSource, skipReason } from "./stack.ts";

const people = {
  anna: { name: "anna", extension: "101", authName: "anna~k3f9", password: "one", hz: 2700 },
  boris: { name: "boris", extension: "102", authName: "boris~x1", password: "two", hz: 3000 },
  vera: { name: "vera", extension: "103", authName: "vera~9", password: "three", hz: 3300, language: "ru" },
} as const;
const rooms: Room[] = [
  { name: "board", number: "700", pin: "4821", moderators: ["dora", "boris"] },
  { name: "annex", number: "701", moderators: ["bor"] },
];

describe.skipIf(!aptSource)(`rooms through FreeSWITCH${skipReason && ` (skipped: ${skipReason})`}`, () => {
  let scene: Scene<keyof typeof people>;

  beforeAll(async () => { scene = await Scene.open(people, { rooms }); });
  afterAll(async () => { await scene?.close(); });
  afterEach(async () => { await scene?.clear(); });

  /** Lines of `conference <room> list`, by extension. */
  async function member(room: string, name: keyof typeof people): Promise<{ id: string; flags: string } | undefined> {
    const line = (await scene.running.command(`conference ${room} list`)).split("\n").find((line) => line.split(";")[4] === people[name].extension);
    const [id = "", , , , , flags = ""] = line?.split(";") ?? [];
    return line ? { id, flags } : undefined;
  }
  const isIn = (room: string, name: keyof typeof people) => until(`${name} in ${room}`, () => member(room, name));
  const isOut = (room: string, name: keyof typeof people) => until(`${name} out of ${room}`, async () => !await member(room, name));
  const flags = async (room: string, name: keyof typeof people) => (await isIn(room, name)).flags;

  it("mixes everybody in a room without an entry, says who is alone and how many are there; who comes first moderates", async () => {
    await scene.call("anna", "room-blue");
    await scene.hearsPrompt("anna", "conference/conf-alone");
    await scene.call("boris", "room-blue");
    await scene.hearsPrompt("boris", "houseline/room-count");
    await scene.hearsPrompt("boris", "digits/1");
    await scene.call("vera", "room-blue");
    await scene.hearsPrompt("vera", "houseline/room-count", "ru");
    await scene.talk("anna", "boris");
    await scene.talk("anna", "vera");
    await scene.hearsNothingOf("anna", "anna");
    expect(await flags("blue", "anna")).toContain("moderator");
    expect(await flags("blue", "boris")).not.toContain("moderator");
  });

  it("asks for the PIN of a room that is dialled by its number, and lets in who knows it, by RFC 4733 or INFO", async () => {
    await scene.call("anna", "700");
    await scene.hearsStart("anna", "conference/conf-pin");
    await scene.presses("anna", "1234#");
    await scene.hearsStart("anna", "conference/conf-bad-pin");
    await scene.presses("anna", "4821#", "INFO");
    await isIn("board", "anna");
    expect(await flags("board", "anna")).not.toContain("moderator");
  });

  it("refuses, spoken, after three wrong PINs", async () => {
    await scene.call("vera", "room-board");
    for (let tries = 0; tries < 3; tries++) {
      await scene.pages.vera.evaluate(() => window.phone.memory.forget());
      await scene.hearsStart("vera", tries === 0 ? "conference/conf-pin" : "conference/conf-bad-pin", "ru");
      await scene.presses("vera", "9999#");
    }
    await scene.hearsPrompt("vera", "houseline/room-refused", "ru");
    await scene.event("vera", "ended");
    expect(await member("board", "vera")).toBeUndefined();
  });

  it("can't be entered around the PIN", async () => {
    for (const number of ["enter", "ask", "board"]) {
      await scene.call("anna", number);
      await scene.hearsStart("anna", "houseline/unknown");
      await scene.clear();
    }
  });

  it("knows moderators by name, and lets them lock, mute all others and remove who came last, by keys", async () => {
    await scene.call("boris", "room-board");
    await isIn("board", "boris");
    expect(await flags("board", "boris")).toContain("moderator");
    await scene.call("anna", "room-board");
    await scene.hearsStart("anna", "conference/conf-pin");
    await scene.presses("anna", "4821#");
    await scene.talk("anna", "boris");

    await scene.presses("boris", "2");
    await scene.hearsNothingOf("boris", "anna");
    await scene.presses("boris", "3");
    await scene.hears("boris", "anna");

    await scene.presses("boris", "1");
    await scene.hearsPrompt("boris", "conference/conf-is-locked");
    await scene.call("vera", "room-board");
    await scene.hearsStart("vera", "conference/conf-pin", "ru");
    await scene.presses("vera", "4821#");
    await scene.hearsPrompt("vera", "conference/conf-locked");
    await scene.event("vera", "ended");
    await scene.presses("boris", "1");
    await scene.hearsPrompt("boris", "conference/conf-is-unlocked");

    await scene.presses("boris", "8");
    await scene.hearsStart("anna", "conference/conf-kicked");
    await isOut("board", "anna");
  });

  it("moderates by whole names only", async () => {
    await scene.call("boris", "701");
    expect(await flags("annex", "boris")).not.toContain("moderator");
  });

  it("gives members keys for themselves: mute, deafness, volume", async () => {
    await scene.call("anna", "room-blue");
    await isIn("blue", "anna");
    await scene.call("boris", "room-blue");
    await scene.talk("anna", "boris");
    await scene.presses("boris", "0");
    await scene.hearsNothingOf("anna", "boris");
    await scene.presses("boris", "0");
    await scene.hears("anna", "boris");
    // Not a moderator: nothing happens to the others.
    await scene.presses("boris", "2");
    await scene.presses("boris", "*");
    await scene.hearsNothingOf("boris", "anna");
    await scene.hearsNothingOf("anna", "boris");
    await scene.presses("boris", "*");
    await scene.talk("anna", "boris");
    const volume = (what: string) => scene.running.command(`conference blue ${what} last`);
    await scene.presses("boris", "9");
    await until("a louder voice", async () => /= *1\b/.test(await volume("volume_in")));
    await scene.presses("boris", "4");
    await until("a quieter ear", async () => /= *-1\b/.test(await volume("volume_out")));
  });

  it("is moderated through ESL: mute, lock, announce, kick", async () => {
    await scene.call("anna", "room-blue");
    await scene.call("boris", "room-blue");
    await scene.talk("anna", "boris");
    const esl = (command: string) => scene.running.command(`conference blue ${command}`);
    const { id } = await isIn("blue", "boris");
    expect(await esl(`mute ${id}`)).toMatch(/OK/);
    await scene.hearsNothingOf("anna", "boris");
    expect(await esl(`unmute ${id}`)).toMatch(/OK/);
    await scene.hears("anna", "boris");
    expect(await esl("lock")).toMatch(/OK/);
    await scene.call("vera", "room-blue");
    await scene.hearsPrompt("vera", "conference/conf-locked");
    expect(await esl("unlock")).toMatch(/OK/);
    await esl("play houseline/room-full.wav");
    await Promise.all([scene.hearsStart("anna", "houseline/room-full"), scene.hearsStart("boris", "houseline/room-full")]);
    await esl(`play houseline/try-again.wav ${id}`);
    await scene.hearsStart("boris", "houseline/try-again");
    expect(await scene.likeness("anna", "houseline/try-again")).toBeLessThan(surelyHeard);
    expect(await esl(`kick ${id}`)).toMatch(/OK/);
    await scene.event("boris", "ended");
    await scene.hearsPrompt("anna", "conference/conf-alone");
  });
});
