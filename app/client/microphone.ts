/** No usable microphone: refused by the person or the browser, missing, or the page is not in a secure context. */
export class MicrophoneError extends Error {
  constructor(cause: unknown) {
    super("No microphone can be used: connect one and allow this page to use it.", { cause });
    this.name = "MicrophoneError";
  }
}

/** A call's own copy of the microphone's stream. */
export interface MicrophoneLease {
  readonly stream: MediaStream;
  release(): void;
}

/**
 * The microphone, opened with the first call and let go of with the last, so that the browser's recording light tells
 * the truth. Each call gets a clone of the stream: JsSIP switches tracks off to mute and to hold, and that of one call
 * must not silence another.
 */
export class Microphone {
  /** What is asked of the browser; applies from the next time the microphone is opened. */
  constraints: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  #opened: Promise<MediaStream> | undefined;
  #leases = 0;

  async lease(): Promise<MicrophoneLease> {
    this.#leases++;
    try {
      this.#opened ??= open(this.constraints);
      const opened = this.#opened;
      const stream = (await opened).clone();
      let released = false;
      const release = () => {
        if (released) return;
        released = true;
        stop(stream);
        this.#leave();
      };
      return { stream, release };
    } catch (error) {
      this.#opened = undefined;
      this.#leave();
      throw new MicrophoneError(error);
    }
  }

  #leave(): void {
    if (--this.#leases > 0) return;
    void this.#opened?.then(stop, () => {});
    this.#opened = undefined;
  }
}

function open(audio: MediaTrackConstraints): Promise<MediaStream> {
  // Absent outside a secure context (https, or http on localhost).
  if (!navigator.mediaDevices) return Promise.reject(new Error("navigator.mediaDevices is not there"));
  return navigator.mediaDevices.getUserMedia({ audio, video: false });
}

function stop(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
