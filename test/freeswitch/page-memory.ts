/** What a page heard lately, so that a test can tell which prompt it was. */
export class Memory {
  /** Seconds that are kept. */
  static readonly seconds = 40;
  /** Samples a second of what `heard` gives. */
  static readonly rate = 8_000;
  readonly #samplesPerValue: number;
  readonly #values = new Int16Array(Memory.seconds * Memory.rate);
  #count = 0;
  #ready?: Promise<void>;
  #node?: AudioWorkletNode;
  #source?: MediaStreamAudioSourceNode;

  constructor(rate: number) {
    this.#samplesPerValue = rate / Memory.rate;
  }

  /** Hears this stream from now on, and no other. */
  async listen(context: AudioContext, stream: MediaStream): Promise<void> {
    const worklet = `registerProcessor("memory", class extends AudioWorkletProcessor {
      process([input]) { if (input[0]) this.port.postMessage(input[0].slice()); return true; }
    });`;
    await (this.#ready ??= context.audioWorklet.addModule(URL.createObjectURL(new Blob([worklet], { type: "text/javascript" }))));
    if (!this.#node) {
      this.#node = new AudioWorkletNode(context, "memory", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
      let rest: number[] = [];
      this.#node.port.onmessage = ({ data }: MessageEvent<Float32Array>) => {
        const samples = [...rest, ...data];
        let at = 0;
        for (; at + this.#samplesPerValue <= samples.length; at += this.#samplesPerValue) {
          let sum = 0;
          for (let i = 0; i < this.#samplesPerValue; i++) sum += samples[at + i] ?? 0;
          this.#values[this.#count++ % this.#values.length] = Math.round(sum / this.#samplesPerValue * 32_767);
        }
        rest = samples.slice(at);
      };
    }
    this.#source?.disconnect();
    this.#source = context.createMediaStreamSource(stream);
    this.#source.connect(this.#node);
  }

  forget(): void {
    this.#count = 0;
  }

  /** Everything since `forget`, 16-bit samples in base64. */
  heard(): string {
    const from = Math.max(0, this.#count - this.#values.length);
    const bytes = new Uint8Array((this.#count - from) * 2);
    const view = new DataView(bytes.buffer);
    for (let i = from; i < this.#count; i++) view.setInt16((i - from) * 2, this.#values[i % this.#values.length] ?? 0, true);
    let text = "";
    for (let i = 0; i < bytes.length; i += 8_192) text += String.fromCharCode(...bytes.subarray(i, i + 8_192));
    return btoa(text);
  }
}
