import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { chromium, type BrowserContext, type Page } from "playwright-core";
import { findChromium } from "../../cli/setup/chromium.ts";
import type { Houseline } from "../../app/client/index.ts";
import { cutOffUser } from "./network.ts";
import { tone } from "./tone.ts";
import { until } from "./until.ts";

const run = promisify(execFile);

/** Looks, 50 ms apart, in which music sounds without a pause. */
const musicLooks = 16;

interface Ear { analyser: AnalyserNode; sources: Map<MediaStreamTrack, MediaStreamAudioSourceNode> }
declare global {
  interface Window { houseline: Houseline; ear?: Ear; earContext?: AudioContext; heard?: { at: number; heard: boolean }[]; listening?: ReturnType<typeof setInterval>; openMicrophone?: () => void; mediaStates?: string[] }
}

/** Somebody at the softphone, in a Chromium of their own whose microphone plays one tone. */
export class Phone {
  readonly page: Page;
  readonly hz: number;
  /** The folder of its browser. */
  readonly profile: string;
  /** What the browser's console complained about. */
  readonly complaints: string[] = [];
  #switchSite = "";

  constructor(page: Page, hz: number, profile: string) {
    this.page = page;
    this.hz = hz;
    this.profile = profile;
    page.on("pageerror", (error) => this.complaints.push(error.message));
    page.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => {
      // One without a contact confirms that a line is gone.
      if (/^SIP\/2\.0 200 (?=[^]*^CSeq: *\d+ REGISTER)(?=[^]*^Contact:)/im.test(payload.toString())) this.#switchSite = new URL(socket.url()).hostname;
    }));
    page.on("console", (message) => { if (message.type() === "error") this.complaints.push(message.text()); });
  }

  async signIn(user: string, password: string): Promise<void> {
    await this.page.getByLabel("User").fill(user);
    await this.page.getByLabel("Password").fill(password);
    await this.page.getByRole("button", { name: "Sign in" }).click();
  }

  /** Waits until calls can be made and received. */
  async ready(): Promise<void> {
    await until("registration with the switch", () => this.page.evaluate(() => window.houseline?.media === "registered"), 20_000);
  }

  /** Waits until the only call, or the newest, is in this state; returns its id in the server. */
  async inState(state: string): Promise<string> {
    await this.page.locator(`[data-call-state="${state}"]`).first().waitFor({ timeout: 15_000 });
    return until("the server's id of the call", () => this.page.evaluate(() => window.houseline.calls.at(-1)?.callId));
  }

  /** Chooses what others see of this person, in the menu under their own name. */
  async setStatus(word: "Available" | "Away" | "Do not disturb", text?: string): Promise<void> {
    await this.page.locator("#me").click();
    await this.page.getByRole("radio", { name: word }).check();
    if (text !== undefined) {
      await this.page.getByLabel("What others read").fill(text);
      await this.button("Save").click();
    } else await this.page.keyboard.press("Escape");
  }

  /** Name of the switch's edge by which the last registration was confirmed. */
  get switchSite(): string {
    return this.#switchSite;
  }

  /** Waits until it is registered with the switch behind that name. */
  async registeredAt(site: string, milliseconds: number): Promise<void> {
    await until(`registration at ${site}`, async () => this.#switchSite === site && await this.page.evaluate(() => window.houseline.media === "registered"), milliseconds);
  }

  async idle(): Promise<void> {
    await until("no call", () => this.page.evaluate(() => window.houseline.calls.length === 0));
  }

  button(name: string) {
    return this.page.getByRole("button", { name, exact: true });
  }

  /** The newest line of the recent calls. */
  recent(): Promise<string> {
    return until("a recent call", async () => (await this.page.locator("#recent li").first().textContent()) ?? undefined);
  }

  presenceOf(user: string): Promise<string | null> {
    return this.page.locator(`[data-person="${user}"]`).getAttribute("data-presence");
  }

  async sees(user: string, presence: string): Promise<void> {
    await until(`${user} to be ${presence}`, async () => await this.presenceOf(user) === presence);
  }

  /** Level in decibels of a tone in what is heard now: a spectrum, not a byte count. */
  async level(hz: number): Promise<number> {
    return this.page.evaluate((hz) => {
      // Every call that the page plays: one on hold may have a silent track, and gets another when it is taken back.
      const tracks = window.houseline.calls.flatMap((call) => call.remoteStream?.getAudioTracks() ?? []).filter(({ readyState }) => readyState === "live");
      if (tracks.length === 0) return -200;
      const context = window.earContext ??= new AudioContext({ sampleRate: 48_000 });
      if (!window.ear) {
        const analyser = context.createAnalyser();
        analyser.fftSize = 4_096;
        analyser.smoothingTimeConstant = 0;
        window.ear = { analyser, sources: new Map() };
      }
      const { analyser, sources } = window.ear;
      for (const [track, source] of sources) if (!tracks.includes(track)) {
        source.disconnect();
        sources.delete(track);
      }
      for (const track of tracks) if (!sources.has(track)) {
        const source = context.createMediaStreamSource(new MediaStream([track]));
        source.connect(analyser);
        sources.set(track, source);
      }
      const bins = new Float32Array(window.ear.analyser.frequencyBinCount);
      window.ear.analyser.getFloatFrequencyData(bins);
      const middle = Math.round(hz * 4_096 / 48_000);
      return Math.max(...bins.slice(middle - 1, middle + 2));
    }, hz);
  }

  /** Ends what `level` and all that is by it has begun; the next of them begins it again. */
  async stopListening(): Promise<void> {
    await this.page.evaluate(async () => {
      await window.earContext?.close();
      delete window.earContext;
      delete window.ear;
    });
  }

  async hears(other: Phone): Promise<void> {
    await until(`the tone of ${other.hz} Hz`, async () => await this.level(other.hz) > -50 && await this.level(this.hz) < -60);
  }

  /** The tones of all of these, and not one's own. */
  async hearsAll(...others: Phone[]): Promise<void> {
    await until(`the tones of ${others.map(({ hz }) => hz).join(" and ")} Hz`, async () => {
      for (const { hz } of others) if (await this.level(hz) < -55) return false;
      return true;
    });
  }

  /** The music that waits: something sounds, it is nobody's tone, and it goes on after the held device has answered. */
  async hearsMusic(...people: Phone[]): Promise<void> {
    let looks = 0;
    await until("music that goes on", async () => {
      for (const { hz } of people) if (await this.level(hz) > -60) return false;
      looks = await this.loudest() > -65 ? looks + 1 : 0;
      return looks >= musicLooks;
    });
  }

  /** Level in decibels of whatever is loudest in what is heard now. */
  async loudest(): Promise<number> {
    await this.level(1_000);
    return this.page.evaluate(() => {
      if (!window.ear) return -200;
      const bins = new Float32Array(window.ear.analyser.frequencyBinCount);
      window.ear.analyser.getFloatFrequencyData(bins);
      return Math.max(...bins.slice(5));
    });
  }

  /** Writes down every 10 ms whether a tone is heard, over whichever leg, until `longestSilence` asks. */
  async listenFor(other: Phone): Promise<void> {
    await this.#listen({ hz: other.hz });
  }

  /** The same for the music of hold: anything that is loud enough and not this person's tone. */
  async listenForMusic(holder: Phone): Promise<void> {
    await this.#listen({ not: holder.hz });
  }

  async #listen(wanted: { hz: number } | { not: number }): Promise<void> {
    await this.page.evaluate((wanted) => {
      const context = window.earContext ??= new AudioContext({ sampleRate: 48_000 });
      const analyser = context.createAnalyser();
      // 21 ms: as exact as the answer can be.
      analyser.fftSize = 1_024;
      analyser.smoothingTimeConstant = 0;
      const bins = new Float32Array(analyser.frequencyBinCount);
      const binOf = (hz: number) => Math.round(hz * 1_024 / 48_000);
      const level = (hz: number) => Math.max(...bins.slice(binOf(hz) - 1, binOf(hz) + 2));
      let listened: MediaStreamTrack | undefined;
      let source: MediaStreamAudioSourceNode | undefined;
      window.heard = [];
      clearInterval(window.listening);
      window.listening = setInterval(() => {
        const track = window.houseline.calls.flatMap((call) => call.remoteStream?.getAudioTracks() ?? []).findLast(({ readyState }) => readyState === "live");
        if (track && track !== listened) {
          source?.disconnect();
          source = context.createMediaStreamSource(new MediaStream([track]));
          source.connect(analyser);
          listened = track;
        }
        analyser.getFloatFrequencyData(bins);
        window.heard!.push({ at: performance.now(), heard: "hz" in wanted ? level(wanted.hz) > -50 : Math.max(...bins.slice(2)) > -75 && level(wanted.not) < -60 });
      }, 10);
    }, wanted);
  }

  /** Milliseconds of the longest stretch without the tone since `listenFor`, between two in which it was heard. */
  async longestSilence(): Promise<number> {
    return this.page.evaluate(() => {
      clearInterval(window.listening);
      let [last, longest] = [undefined as number | undefined, 0];
      for (const { at, heard } of window.heard ?? []) {
        if (!heard) continue;
        if (last !== undefined) longest = Math.max(longest, at - last);
        last = at;
      }
      return Math.round(longest);
    });
  }

  /** The next time that the microphone is asked for it opens when what is returned is called. */
  async holdMicrophone(): Promise<() => Promise<void>> {
    await this.page.evaluate(() => {
      const original = navigator.mediaDevices.getUserMedia;
      navigator.mediaDevices.getUserMedia = async (wanted) => {
        navigator.mediaDevices.getUserMedia = original;
        await new Promise<void>((resolve) => { window.openMicrophone = resolve; });
        return original(wanted);
      };
    });
    return () => this.page.evaluate(() => window.openMicrophone!());
  }

  async hearsNothingOf(other: Phone): Promise<void> {
    await until(`silence at ${other.hz} Hz`, async () => await this.level(other.hz) < -60);
  }
}

export interface OpenOptions {
  viewport?: { width: number; height: number };
  /** Whether the browser runs as a user of its own, whose network can be cut. */
  cuttable?: boolean;
  /** A network namespace that it runs in. (ip-netns(8)) */
  namespace?: string;
  locale?: string;
  /** For a stack on other hosts: where its names lead, and the authority that the browser's user trusts. */
  at?: { names: Record<string, string>; root: string };
}

/** Browsers of the tests, closed together. */
export class Phones {
  readonly #contexts: BrowserContext[] = [];
  readonly #folder: string;
  readonly #group: string | undefined;

  private constructor(folder: string, group: string | undefined) {
    this.#folder = folder;
    this.#group = group;
  }

  /** @param group a control group that they run in (people-group.ts) */
  static async create(group?: string): Promise<Phones> {
    return new Phones(await mkdtemp(join(tmpdir(), "houseline-phones-")), group);
  }

  async open(url: string, hz: number, { viewport = { width: 1366, height: 768 }, cuttable = false, namespace, locale = "en-US", at }: OpenOptions = {}): Promise<Phone> {
    const microphone = join(this.#folder, `${hz}.wav`);
    await writeFile(microphone, tone(hz));
    const profile = await mkdtemp(join(this.#folder, "profile-"));
    const home = at && await this.#homeThatTrusts(at.root, profile);
    const context = await chromium.launchPersistentContext(profile, {
      ...(home !== undefined && { env: { ...process.env as Record<string, string>, HOME: home } }),
      executablePath: cuttable ? await this.#asOtherUser(profile, home ?? profile) : namespace !== undefined ? await this.#inNamespace(namespace) : await this.#ordinary(), headless: true, viewport, locale,
      args: ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", `--use-file-for-fake-audio-capture=${microphone}`,
        "--autoplay-policy=no-user-gesture-required", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
        ...(at ? [`--host-resolver-rules=${Object.entries(at.names).map(([name, address]) => `MAP ${name} ${address}`).join(",")}`] : [])],
    });
    this.#contexts.push(context);
    // A fake microphone plays a pure tone, which the browser's noise suppression would take for noise.
    await context.addInitScript(() => {
      const original = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = () => original({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
    });
    const page = context.pages()[0] ?? await context.newPage();
    const phone = new Phone(page, hz, profile);
    await page.goto(url);
    return phone;
  }

  /** Where Chromium finds an authority that its user trusts: in NSS's database. */
  async #homeThatTrusts(root: string, profile: string): Promise<string> {
    const database = join(profile, "home/.pki/nssdb");
    await mkdir(database, { recursive: true });
    for (const words of [["-N", "--empty-password"], ["-A", "-n", "houseline", "-t", "C,,", "-i", root]]) await run("certutil", ["-d", `sql:${database}`, ...words]);
    return join(profile, "home");
  }

  /** A program that starts Chromium as `cutOffUser`. */
  async #asOtherUser(profile: string, home: string): Promise<string> {
    await chmod(this.#folder, 0o755);
    await run("chown", ["-R", `${cutOffUser}:${cutOffUser}`, profile]);
    const program = join(this.#folder, "chromium-as-other");
    await writeFile(program, `#!/bin/sh\nHOME=${home} exec setpriv --reuid=${cutOffUser} --regid=${cutOffUser} --clear-groups ${findChromium()} "$@"\n`, { mode: 0o755 });
    return program;
  }

  /** Chromium, or a program that starts it in the group. */
  async #ordinary(): Promise<string | undefined> {
    if (this.#group === undefined) return findChromium();
    const program = join(this.#folder, "chromium-in-group");
    await writeFile(program, `#!/bin/sh\necho $$ > ${this.#group}/cgroup.procs\nexec ${findChromium()} "$@"\n`, { mode: 0o755 });
    return program;
  }

  /** A program that starts Chromium in a network namespace. */
  async #inNamespace(namespace: string): Promise<string> {
    const program = join(this.#folder, `chromium-in-${namespace}`);
    await writeFile(program, `#!/bin/sh\nexec nsenter --net=/run/netns/${namespace} ${findChromium()} "$@"\n`, { mode: 0o755 });
    return program;
  }

  async close(): Promise<void> {
    await Promise.all(this.#contexts.map((context) => context.close().catch(() => undefined)));
    await rm(this.#folder, { recursive: true, force: true });
  }
}
