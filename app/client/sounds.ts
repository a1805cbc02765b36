import { keyTone, render, tones } from "./tones.ts";
import type { Tone, ToneName } from "./tones.ts";

type Output = "ring" | "other";

/** TypeScript's DOM does not have it yet. (Audio Output Devices API) */
type WithSink = AudioContext & { setSinkId?(id: string): Promise<void> };

/** Milliseconds without a sound after which a device is let go: one that is held open costs its share of a processor, and keeps a computer awake. */
const restAfter = 5_000;

/** Plays the tones of a telephone with WebAudio: nothing to download, nothing that a timer has to keep going. */
export class Sounds {
  readonly #buffers = new Map<ToneName, AudioBuffer>();
  /** Contexts that the browser has let run: one of these is suspended because it rests. */
  readonly #allowed = new WeakSet<AudioContext>();
  readonly #sounding = new Map<AudioContext, Set<AudioBufferSourceNode>>();
  readonly #rests = new Map<AudioContext, ReturnType<typeof setTimeout>>();
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
    for (const context of this.#contexts.values()) if (!this.#allowed.has(context)) this.#wake(context);
  }

  /** Whether the browser keeps this page silent until somebody touches it. */
  get blocked(): boolean {
    return [...this.#contexts.values()].some((context) => context.state === "suspended" && !this.#allowed.has(context));
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
    const source = this.#start(context, this.#buffer(context, name), tones[name].loop);
    if (tones[name].loop) this.#playing = { name, source };
  }

  key(key: string): void {
    const tone = keyTone(key);
    if (!tone || typeof AudioContext !== "function") return;
    const context = this.#context("other");
    this.#start(context, toBuffer(context, tone), false);
  }

  stop(): void {
    this.#playing?.source.stop();
    this.#playing = undefined;
  }

  close(): void {
    this.stop();
    this.#buffers.clear();
    for (const rest of this.#rests.values()) clearTimeout(rest);
    this.#rests.clear();
    this.#sounding.clear();
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

  #start(context: AudioContext, buffer: AudioBuffer, loop: boolean): AudioBufferSourceNode {
    const sounding = this.#sounding.get(context) ?? new Set();
    this.#sounding.set(context, sounding);
    const source = new AudioBufferSourceNode(context, { buffer, loop });
    sounding.add(source);
    source.addEventListener("ended", () => {
      sounding.delete(source);
      this.#rest(context);
    });
    source.connect(context.destination);
    source.start();
    this.#wake(context);
    return source;
  }

  #wake(context: AudioContext): void {
    clearTimeout(this.#rests.get(context));
    if (context.state === "running") {
      this.#allowed.add(context);
      return this.#rest(context);
    }
    // Until the browser allows it this waits.
    context.resume().then(() => {
      this.#allowed.add(context);
      this.#rest(context);
    }, () => {});
  }

  /** Lets its device go when nothing has sounded for a while. */
  #rest(context: AudioContext): void {
    clearTimeout(this.#rests.get(context));
    if (this.#sounding.get(context)?.size || ![...this.#contexts.values()].includes(context)) return;
    this.#rests.set(context, setTimeout(() => {
      // It is told as running until it rests, and may be wanted by then.
      context.suspend().then(() => { if (this.#sounding.get(context)?.size) this.#wake(context); }, () => {});
    }, restAfter));
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
