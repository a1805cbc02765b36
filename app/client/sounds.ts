import { keyTone, render, tones } from "./tones.ts";
import type { Tone, ToneName } from "./tones.ts";

/** Plays the tones of a telephone with WebAudio: nothing to download, nothing that a timer has to keep going. */
export class Sounds {
  readonly #buffers = new Map<ToneName, AudioBuffer>();
  #context: AudioContext | undefined;
  #playing: { name: ToneName; source: AudioBufferSourceNode } | undefined;

  /** Made ahead of the first ring, so that it starts at once. */
  prepare(): void {
    if (typeof AudioContext !== "function") return;
    this.#context ??= new AudioContext({ latencyHint: "interactive" });
    for (const name of Object.keys(tones) as ToneName[]) this.#buffer(this.#context, name);
    this.unlock();
  }

  /** Browsers let a page sound only after the person has touched it; call this from such a touch. */
  unlock(): void {
    if (this.#context?.state === "suspended") void this.#context.resume().catch(() => {});
  }

  /** Whether the browser keeps this page silent until somebody touches it. */
  get blocked(): boolean {
    return this.#context?.state === "suspended";
  }

  /** The looped tone that sounds now, if any. */
  get playing(): ToneName | undefined {
    return this.#playing?.name;
  }

  /** Starts a tone instead of the one that sounds; a looped one goes on until `stop`. */
  play(name: ToneName): void {
    if (this.#playing?.name === name) return;
    this.stop();
    const context = this.#ready();
    if (!context) return;
    const source = start(context, this.#buffer(context, name), tones[name].loop);
    if (tones[name].loop) this.#playing = { name, source };
  }

  key(key: string): void {
    const tone = keyTone(key);
    const context = tone && this.#ready();
    if (tone && context) start(context, toBuffer(context, tone), false);
  }

  stop(): void {
    this.#playing?.source.stop();
    this.#playing = undefined;
  }

  close(): void {
    this.stop();
    this.#buffers.clear();
    void this.#context?.close().catch(() => {});
    this.#context = undefined;
  }

  #ready(): AudioContext | undefined {
    if (!this.#context) this.prepare();
    this.unlock();
    return this.#context;
  }

  #buffer(context: AudioContext, name: ToneName): AudioBuffer {
    const buffer = this.#buffers.get(name) ?? toBuffer(context, tones[name]);
    this.#buffers.set(name, buffer);
    return buffer;
  }
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
