/** Plays what the other side says, in an audio element of the call's own. */
export class RemoteAudio {
  readonly #element: HTMLAudioElement;

  /** @param speaker id of the output device; empty for the system's */
  constructor(name: string, speaker: string) {
    this.#element = document.createElement("audio");
    this.#element.autoplay = true;
    this.#element.dataset["testid"] = "remote-audio";
    this.#element.setAttribute("aria-label", `Voice of ${name}`);
    document.body.append(this.#element);
    if (speaker) this.useSpeaker(speaker);
  }

  play(stream: MediaStream): void {
    // After a hold the same stream has a new track: it plays again.
    if (this.#element.srcObject !== stream) this.#element.srcObject = stream;
    // Refused only on a page that nobody has touched yet; answering is a touch.
    this.#element.play().catch(() => {});
  }

  /** Where the browser can't choose (Firefox before 116, Safari before 18.4) or the device is gone, the system's speaker goes on. */
  useSpeaker(speaker: string): void {
    if (typeof this.#element.setSinkId === "function") this.#element.setSinkId(speaker).catch(() => {});
  }

  close(): void {
    this.#element.srcObject = null;
    this.#element.remove();
  }
}
