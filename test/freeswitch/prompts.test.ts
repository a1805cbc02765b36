import { access, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { aptSource, removeLeftovers, skipReason, Stack, useDeployed } from "./stack.ts";

const conf = join(import.meta.dirname, "../../images/freeswitch/conf");
const voices = { en: "en/us/callie", ru: "ru/RU/elena" };
/** What mod_say_en and mod_say_ru play for numbers up to 99, and mod_conference for a volume below 0. */
const numbers = [...Array.from({ length: 21 }, (_, n) => n), 30, 40, 50, 60, 70, 80, 90].map((n) => `digits/${n}`);

/** Every prompt that the configuration names: `houseline/busy`, … */
async function named(): Promise<Set<string>> {
  const files = (await readdir(conf, { recursive: true })).filter((file) => file.endsWith(".xml"));
  const text = (await Promise.all(files.map((file) => readFile(join(conf, file), "utf8")))).join("\n");
  const prompts = new Set([...text.matchAll(/\b((?:houseline|conference|currency|digits)\/[\w-]+)\.wav/g)].map(([, name = ""]) => name));
  for (const [, name] of text.matchAll(/data="prompt=([\w-]+)"/g)) prompts.add(`houseline/${name}`);
  for (const name of [...numbers, "currency/negative"]) prompts.add(name);
  return prompts;
}

describe.skipIf(!aptSource)(`the prompts${skipReason && ` (skipped: ${skipReason})`}`, () => {
  let stack: Stack;
  let sounds: string;

  beforeAll(async () => {
    await removeLeftovers();
    useDeployed(inject("deployed"));
    stack = await Stack.create([]);
    sounds = await stack.sounds();
  });
  afterAll(async () => {
    await stack?.close();
    if (sounds) await rm(sounds, { recursive: true, force: true });
  });

  it("has every sound that the configuration names, in each language and at each rate", async () => {
    const prompts = await named();
    expect(prompts.size).toBeGreaterThan(70);
    const missing: string[] = [];
    for (const voice of Object.values(voices)) {
      for (const rate of ["8000", "48000"]) {
        for (const prompt of prompts) {
          const [folder, file] = prompt.split("/");
          const path = join(voice, folder!, rate, `${file}.wav`);
          await access(join(sounds, path)).catch(() => missing.push(path));
        }
      }
    }
    expect(missing).toEqual([]);
    expect(await readdir(join(sounds, "music/48000"))).not.toEqual([]);
  });

  it("speaks nothing that nobody plays, and the same prompts in each language", async () => {
    const prompts = await named();
    const lists = await Promise.all(Object.keys(voices).map(async (language) => {
      const text = await readFile(join(conf, `../../freeswitch-sound/prompts.${language}.tsv`), "utf8");
      return text.trimEnd().split("\n").map((line) => line.split("\t")[0]!);
    }));
    for (const list of lists) expect(list.filter((prompt) => !prompts.has(prompt))).toEqual([]);
    expect(lists[0]).toEqual(lists[1]);
  });
});
