import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { chromium, type BrowserContext, type Page } from "playwright-core";

/** A tone of 10 s as a WAV file: Chromium plays it as its microphone, over and over. */
function tone(hz: number): Buffer {
  const rate = 48_000;
  const samples = rate * 10;
  const wav = Buffer.alloc(44 + samples * 2);
  wav.write("RIFF", 0);
  wav.writeUInt32LE(36 + samples * 2, 4);
  wav.write("WAVEfmt ", 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(rate, 24);
  wav.writeUInt32LE(rate * 2, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write("data", 36);
  wav.writeUInt32LE(samples * 2, 40);
  for (let i = 0; i < samples; i++) wav.writeInt16LE(Math.round(4_000 * Math.sin(2 * Math.PI * hz * i / rate)), 44 + i * 2);
  return wav;
}

/** Chromium browsers, each with a microphone that plays a tone of its own, on a page with `window.phone`. */
export class Browsers {
  readonly #contexts: BrowserContext[] = [];
  readonly #directory: string;
  readonly #server;
  readonly #url: string;

  private constructor(directory: string, server: ReturnType<typeof createServer>) {
    this.#directory = directory;
    this.#server = server;
    this.#url = `http://localhost:${(server.address() as AddressInfo).port}/`;
  }

  static async start(): Promise<Browsers> {
    const bundle = await build({ entryPoints: [join(import.meta.dirname, "page.ts")], bundle: true, write: false, format: "iife", target: "es2022", logLevel: "error" });
    const script = bundle.outputFiles[0]?.text ?? "";
    const server = createServer((request, response) => {
      if (request.url === "/page.js") response.writeHead(200, { "content-type": "text/javascript" }).end(script);
      else response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>phone</title><script src=/page.js></script>");
    });
    await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
    return new Browsers(await mkdtemp(join(tmpdir(), "houseline-freeswitch-")), server);
  }

  async open(hz: number): Promise<Page> {
    const microphone = join(this.#directory, `${hz}.wav`);
    await writeFile(microphone, tone(hz));
    const context = await chromium.launchPersistentContext(await mkdtemp(join(this.#directory, "profile-")), {
      executablePath: process.env.HOUSELINE_CHROMIUM ?? "/usr/bin/chromium",
      headless: true,
      args: ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", `--use-file-for-fake-audio-capture=${microphone}`,
        "--autoplay-policy=no-user-gesture-required", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    });
    this.#contexts.push(context);
    const page = context.pages()[0] ?? await context.newPage();
    await page.goto(this.#url);
    return page;
  }

  async close(): Promise<void> {
    for (const context of this.#contexts) await context.close().catch(() => undefined);
    this.#server.closeAllConnections();
    this.#server.close();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** Waits until `ask` answers with something true. */
export async function until<T>(what: string, ask: () => Promise<T | undefined | false>, milliseconds = 10_000, between = 50): Promise<T> {
  const deadline = Date.now() + milliseconds;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${milliseconds} ms.`);
    await new Promise((resolve) => setTimeout(resolve, between));
  }
}
