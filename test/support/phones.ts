import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type BrowserContext, type Page } from "playwright-core";
import { findChromium } from "../../cli/setup/chromium.ts";
import type { Houseline } from "../../app/client/index.ts";
import { tone } from "./tone.ts";
import { until } from "./until.ts";

interface Ear { source: MediaStreamAudioSourceNode; analyser: AnalyserNode; track: MediaStreamTrack }
declare global {
  interface Window { houseline: Houseline; ear?: Ear; earContext?: AudioContext }
}

/** Somebody at the softphone, in a Chromium of their own whose microphone plays one tone. */
export class Phone {
  readonly page: Page;
  readonly hz: number;
  /** What the browser's console complained about. */
  readonly complaints: string[] = [];

  constructor(page: Page, hz: number) {
    this.page = page;
    this.hz = hz;
    page.on("pageerror", (error) => this.complaints.push(error.message));
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
      // A call on hold has no track, and gets a new one when it is taken back.
      const track = window.houseline.calls.flatMap((call) => call.remoteStream?.getAudioTracks() ?? []).findLast(({ readyState }) => readyState === "live");
      if (!track) return -200;
      const context = window.earContext ??= new AudioContext({ sampleRate: 48_000 });
      if (window.ear?.track !== track) {
        window.ear?.source.disconnect();
        const source = context.createMediaStreamSource(new MediaStream([track]));
        const analyser = context.createAnalyser();
        analyser.fftSize = 4_096;
        analyser.smoothingTimeConstant = 0;
        source.connect(analyser);
        window.ear = { source, analyser, track };
      }
      const bins = new Float32Array(window.ear.analyser.frequencyBinCount);
      window.ear.analyser.getFloatFrequencyData(bins);
      const middle = Math.round(hz * 4_096 / 48_000);
      return Math.max(...bins.slice(middle - 1, middle + 2));
    }, hz);
  }

  async hears(other: Phone): Promise<void> {
    await until(`the tone of ${other.hz} Hz`, async () => await this.level(other.hz) > -50 && await this.level(this.hz) < -60);
  }

  async hearsNothingOf(other: Phone): Promise<void> {
    await until(`silence at ${other.hz} Hz`, async () => await this.level(other.hz) < -60);
  }
}

/** Browsers of the tests, closed together. */
export class Phones {
  readonly #contexts: BrowserContext[] = [];
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async create(): Promise<Phones> {
    return new Phones(await mkdtemp(join(tmpdir(), "houseline-phones-")));
  }

  async open(url: string, hz: number, viewport = { width: 1366, height: 768 }): Promise<Phone> {
    const microphone = join(this.#folder, `${hz}.wav`);
    await writeFile(microphone, tone(hz));
    const context = await chromium.launchPersistentContext(await mkdtemp(join(this.#folder, "profile-")), {
      executablePath: findChromium(), headless: true, viewport,
      args: ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", `--use-file-for-fake-audio-capture=${microphone}`,
        "--autoplay-policy=no-user-gesture-required", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    });
    this.#contexts.push(context);
    // A fake microphone plays a pure tone, which the browser's noise suppression would take for noise.
    await context.addInitScript(() => {
      const original = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = () => original({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
    });
    const page = context.pages()[0] ?? await context.newPage();
    const phone = new Phone(page, hz);
    await page.goto(url);
    return phone;
  }

  async close(): Promise<void> {
    await Promise.all(this.#contexts.map((context) => context.close().catch(() => undefined)));
    await rm(this.#folder, { recursive: true, force: true });
  }
}
