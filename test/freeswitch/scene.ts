import { inject } from "vitest";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { Browsers, until } from "./browser.ts";
import type { Person, Room } from "./directory.ts";
import { likeness, picture, recording, type Picture } from "./ear.ts";
import { domain, type Host, removeLeftovers, Stack, type Switch, useDeployed } from "./stack.ts";

/** Where prompts of a language lie. */
const voices = { en: "en/us/callie", ru: "ru/RU/elena" } as const;
type Language = keyof typeof voices;
/** Above this a prompt was heard: what was played reaches 0.87 and more, one that begins with the same words 0.8. */
export const surelyHeard = 0.84;
/** Above this it may have been. */
const perhapsHeard = 0.7;
/** Frames that tell prompts apart which begin differently: 1.3 s. */
const startFrames = 80;

export interface Actor extends Person {
  /** The tone that their microphone plays. */
  readonly hz: number;
}

export interface SceneOptions {
  /** They are in the directory, without a browser. */
  readonly others?: readonly Person[];
  readonly rooms?: readonly Room[];
  readonly settings?: Readonly<Record<string, string>>;
}

/** One FreeSWITCH and a few people with browsers at it. */
export class Scene<Name extends string> {
  readonly stack: Stack;
  readonly browsers: Browsers;
  readonly actors: Readonly<Record<Name, Actor>>;
  readonly pages = {} as Record<Name, Page>;
  readonly #sounds: string;
  readonly #settings: Readonly<Record<string, string>>;
  running: Switch;

  private constructor(stack: Stack, running: Switch, browsers: Browsers, actors: Readonly<Record<Name, Actor>>, sounds: string, settings: Readonly<Record<string, string>>) {
    this.stack = stack;
    this.running = running;
    this.browsers = browsers;
    this.actors = actors;
    this.#sounds = sounds;
    this.#settings = settings;
  }

  static async open<Name extends string>(actors: Readonly<Record<Name, Actor>>, { others = [], rooms = [], settings = {} }: SceneOptions = {}): Promise<Scene<Name>> {
    await removeLeftovers();
    useDeployed(inject("deployed"));
    const stack = await Stack.create([...Object.values<Actor>(actors), ...others], [...rooms]);
    const running = await stack.start(settings);
    const scene = new Scene(stack, running, await Browsers.start(), actors, await stack.sounds(), settings);
    const names = Object.keys(actors) as Name[];
    const pages = await Promise.all(names.map((name) => scene.browsers.open(actors[name].hz)));
    await running.healthy();
    for (const [index, name] of names.entries()) scene.pages[name] = pages[index]!;
    for (const name of names) await scene.register(name);
    return scene;
  }

  async close(): Promise<void> {
    await this.browsers.close();
    await this.stack.close();
    await rm(this.#sounds, { recursive: true, force: true });
  }

  /** Another switch in place of one that has ended. */
  async restart(): Promise<void> {
    this.running = await this.stack.start(this.#settings);
    await this.running.healthy();
  }

  /** Ends every call, and forgets what happened. */
  async clear(): Promise<void> {
    await this.running.command("hupall").catch(() => undefined);
    await until("no call", async () => /^\s*0 total/m.test(await this.running.command("show channels").catch(() => "0 total")));
    for (const page of Object.values<Page>(this.pages)) {
      await page.evaluate(() => { window.phone.events.length = 0; window.phone.autoAnswer = true; window.phone.memory.forget(); });
    }
  }

  async register(name: Name, page = this.pages[name], slot = 0, host: Host = 1): Promise<void> {
    const { authName, password } = this.actors[name];
    await page.evaluate(([url, domain, user, auth, secret]) => window.phone.register(url, domain, user, auth, secret),
      [this.stack.url(slot, host), domain, name, authName, password] as const);
  }

  async call(name: Name, to: string): Promise<void> {
    await this.pages[name].evaluate((to) => { window.phone.memory.forget(); window.phone.call(to); }, to);
  }

  async hangUp(name: Name, at = -1): Promise<void> {
    await this.pages[name].evaluate((at) => window.phone.sessions.at(at)?.terminate(), at);
  }

  /** Nobody picks up by themselves. */
  async patient(...names: Name[]): Promise<void> {
    for (const name of names) await this.pages[name].evaluate(() => { window.phone.autoAnswer = false; });
  }

  async presses(name: Name, digits: string, transportType: "INFO" | "RFC2833" = "RFC2833"): Promise<void> {
    await this.pages[name].evaluate(([digits, transportType]) => window.phone.session.sendDTMF(digits, { transportType, duration: 80, interToneGap: 80 } as object), [digits, transportType] as const);
  }

  async transfer(name: Name, to: string, at = -1): Promise<void> {
    await this.pages[name].evaluate(([uri, at]) => window.phone.sessions.at(at)?.refer(uri), [`sip:${to}@${domain}`, at] as const);
  }

  async hearsTone(page: Page, hz: number): Promise<void> {
    await until(`a tone of ${hz} Hz`, () => page.evaluate((hz) => window.phone.hearsTone(hz), hz));
  }

  async hears(listener: Name, speaker: Name): Promise<void> {
    await this.hearsTone(this.pages[listener], this.actors[speaker].hz);
  }

  async hearsNothingOf(listener: Name, speaker: Name): Promise<void> {
    const { hz } = this.actors[speaker];
    await until(`no tone of ${hz} Hz`, () => this.pages[listener].evaluate((hz) => !window.phone.hearsTone(hz), hz));
  }

  async talk(one: Name, other: Name): Promise<void> {
    await Promise.all([this.hears(one, other), this.hears(other, one)]);
  }

  async hearsMusic(name: Name): Promise<void> {
    await until("music", () => this.pages[name].evaluate(() => window.phone.hears().db > -60));
  }

  /** Waits until this prompt was heard, whole and in this language. */
  async hearsPrompt(name: Name, prompt: string, language: Language = "en"): Promise<void> {
    await this.#hearsThis(name, `the prompt ${prompt} in ${language}`, await this.#wanted(prompt, language));
  }

  /** Waits until the first words of this prompt were heard: for those that keys interrupt. */
  async hearsStart(name: Name, prompt: string, language: Language = "en"): Promise<void> {
    await this.#hearsThis(name, `the first words of ${prompt} in ${language}`, (await this.#wanted(prompt, language)).slice(0, startFrames));
  }

  /** Waits until this word was heard, likelier than any of the others: a single one is too short to be told by its likeness alone. */
  async hearsWord(name: Name, prompt: string, others: readonly string[], language: Language = "en"): Promise<void> {
    const [wanted, ...rest] = await Promise.all([prompt, ...others].map((one) => this.#wanted(one, language)));
    await until(`the word ${prompt} in ${language}`, async () => {
      const heard = await this.#heard(name);
      const found = likeness(heard, wanted!);
      return found > perhapsHeard && rest.every((other) => likeness(heard, other) < found);
    }, 15_000, 150);
  }

  async #hearsThis(name: Name, what: string, wanted: Picture): Promise<void> {
    let best = 0;
    await until(what, async () => {
      best = Math.max(best, likeness(await this.#heard(name), wanted));
      return best > surelyHeard;
    }, 15_000, 150).catch((error: Error) => { throw new Error(`${error.message} Likeness was ${best.toFixed(2)}.`); });
  }

  /** How much what was heard is like a prompt, 0 to 1. */
  async likeness(name: Name, prompt: string, language: Language = "en"): Promise<number> {
    return likeness(await this.#heard(name), await this.#wanted(prompt, language));
  }

  async #wanted(prompt: string, language: Language): Promise<Picture> {
    const [folder, file] = prompt.split("/");
    return picture(await recording(join(this.#sounds, voices[language], folder!, "8000", `${file}.wav`)));
  }

  async #heard(name: Name): Promise<Picture> {
    const bytes = Buffer.from(await this.pages[name].evaluate(() => window.phone.memory.heard()), "base64");
    return picture(new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)));
  }

  async events(page: Page): Promise<string[]> {
    return page.evaluate(() => window.phone.events.map(({ what }) => what));
  }

  /** The first event that begins so. */
  async event(name: Name, start: string, milliseconds?: number): Promise<string> {
    return this.eventOf(this.pages[name], start, milliseconds);
  }

  async eventOf(page: Page, start: string, milliseconds?: number): Promise<string> {
    return until(`event "${start}"`, async () => (await this.events(page)).find((what) => what.startsWith(start)), milliseconds)
      .catch(async (error: Error) => { throw new Error(`${error.message} There were: ${(await this.events(page)).join(", ")}.`); });
  }

  /** JsSIP refuses a change while the one before it is under way. */
  async hold(name: Name, at = -1): Promise<void> {
    // A bridge that is younger plays no music (docs/softswitch.md).
    await until("the bridge to be old enough", () => this.pages[name].evaluate((at) => Date.now() - Number(window.phone.sessions.at(at)?.start_time ?? Infinity) > 500, at));
    await until("hold", () => this.pages[name].evaluate((at) => window.phone.sessions.at(at)?.hold(), at));
    await until("held", () => this.pages[name].evaluate((at) => window.phone.sessions.at(at)?.isOnHold().local && window.phone.sessions.at(at)?.isReadyToReOffer(), at));
  }

  async unhold(name: Name, at = -1): Promise<void> {
    await until("unhold", () => this.pages[name].evaluate((at) => window.phone.sessions.at(at)?.unhold(), at));
  }
}
