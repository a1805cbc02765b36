/** Plays what the other side says, in an audio element of the call's own. */
export class RemoteAudio {
  readonly #element: HTMLAudioElement;

  constructor(name: string) {
    this.#element = document.createElement("audio");
    this.#element.autoplay = true;
    this.#element.dataset["testid"] = "remote-audio";
    this.#element.setAttribute("aria-label", `Voice of ${name}`);
    document.body.append(this.#element);
  }

  play(stream: MediaStream): void {
    // After a hold the same stream has a new track: it plays again.
    if (this.#element.srcObject !== stream) this.#element.srcObject = stream;
    // Refused only on a page that nobody has touched yet; answering is a touch.
    this.#element.play().catch(() => {});
  }

  close(): void {
    this.#element.srcObject = null;
    this.#element.remove();
  }
}
