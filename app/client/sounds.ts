import { keyTone, render, tones } from "./tones.ts";
import type { Tone, ToneName } from "./tones.ts";

type Output = "ring" | "other";

/** TypeScript's DOM does not have it yet. (Audio Output Devices API) */
type WithSink = AudioContext & { setSinkId?(id: string): Promise<void> };

/** Plays the tones of a telephone with WebAudio: nothing to download, nothing that a timer has to keep going. */
export class Sounds {
  readonly #buffers = new Map<ToneName, AudioBuffer>();
  /** The ring may come from a device of its own, such as the speakers while the voice is in a headset. */
  readonly #contexts = new Map<Output, AudioContext>();
  #outputs: Record<Output, string> = { ring: "", other: "" };
  #playing: { name: ToneName; source: AudioBufferSourceNode } | undefined;

  /** Made ahead of the first ring, so that it starts at once. */
  prepare(): void {
    if (typeof AudioContext !== "function") return;
    for (const name of Object.keys(tones) as ToneName[]) this.#buffer(this.#context(outputOf(name)), name);
    this.unlock();
  }

  /** Browsers let a page sound only after the person has touched it; call this from such a touch. */
  unlock(): void {
    for (const context of this.#contexts.values()) if (context.state === "suspended") void context.resume().catch(() => {});
  }

  /** Whether the browser keeps this page silent until somebody touches it. */
  get blocked(): boolean {
    return [...this.#contexts.values()].some(({ state }) => state === "suspended");
  }

  /** The looped tone that sounds now, if any. */
  get playing(): ToneName | undefined {
    return this.#playing?.name;
  }

  /** Output devices by their ids, empty for the system's: for the ring, and for everything else. */
  useOutputs(outputs: Record<Output, string>): void {
    this.#outputs = outputs;
    for (const [output, context] of this.#contexts) send(context, outputs[output]);
  }

  /** Starts a tone instead of the one that sounds; a looped one goes on until `stop`. */
  play(name: ToneName): void {
    if (this.#playing?.name === name || typeof AudioContext !== "function") return;
    this.stop();
    const context = this.#context(outputOf(name));
    this.unlock();
    const source = start(context, this.#buffer(context, name), tones[name].loop);
    if (tones[name].loop) this.#playing = { name, source };
  }

  key(key: string): void {
    const tone = keyTone(key);
    if (!tone || typeof AudioContext !== "function") return;
    const context = this.#context("other");
    this.unlock();
    start(context, toBuffer(context, tone), false);
  }

  stop(): void {
    this.#playing?.source.stop();
    this.#playing = undefined;
  }

  close(): void {
    this.stop();
    this.#buffers.clear();
    for (const context of this.#contexts.values()) void context.close().catch(() => {});
    this.#contexts.clear();
  }

  #context(output: Output): AudioContext {
    let context = this.#contexts.get(output);
    if (!context) {
      context = new AudioContext({ latencyHint: "interactive" });
      this.#contexts.set(output, context);
      send(context, this.#outputs[output]);
    }
    return context;
  }

  #buffer(context: AudioContext, name: ToneName): AudioBuffer {
    const buffer = this.#buffers.get(name) ?? toBuffer(context, tones[name]);
    this.#buffers.set(name, buffer);
    return buffer;
  }
}

function outputOf(name: ToneName): Output {
  return name === "ring" ? "ring" : "other";
}

/** Where the browser can't choose, or the device is gone, the system's goes on. */
function send(context: WithSink, device: string): void {
  if (device === "" && !("sinkId" in context)) return;
  context.setSinkId?.(device).catch(() => {});
}

function toBuffer(context: AudioContext, tone: Tone): AudioBuffer {
  const samples = render(tone, context.sampleRate);
  const buffer = context.createBuffer(1, samples.length, context.sampleRate);
  buffer.copyToChannel(samples, 0);
  return buffer;
}

function start(context: AudioContext, buffer: AudioBuffer, loop: boolean): AudioBufferSourceNode {
  const source = new AudioBufferSourceNode(context, { buffer, loop });
  source.connect(context.destination);
  source.start();
  return source;
}
