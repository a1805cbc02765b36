/** No usable microphone: refused by the person or the browser, missing, or the page is not in a secure context. */
export class MicrophoneError extends Error {
  constructor(cause: unknown) {
    super("No microphone can be used: connect one and allow this page to use it.", { cause });
    this.name = "MicrophoneError";
  }
}

/** A call's own copy of the microphone's stream; another one takes its place when another microphone is chosen. */
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
  #device = "";
  #opened: Promise<MediaStream> | undefined;
  readonly #leases = new Set<{ stream: MediaStream }>();
  #waiting = 0;
  /** Whether the browser lets this page have it without a question; unknown where it does not say. (Permissions API) */
  #permission: PermissionStatus | undefined;
  /** What it was, stopped: a connection can be made with it while the microphone is being opened. */
  #silence: MediaStream | undefined;

  /** Id of the chosen microphone; empty for the system's. */
  get device(): string {
    return this.#device;
  }

  /**
   * A stream without a voice to begin a call with, when the microphone is closed and will open for certain: a headset
   * takes 50 to 200 ms for it, in which the other side can ring already.
   */
  get standIn(): MediaStream | undefined {
    return !this.#opened && this.#permission?.state === "granted" ? this.#silence?.clone() : undefined;
  }

  async lease(): Promise<MicrophoneLease> {
    this.#waiting++;
    try {
      this.#opened ??= this.#open();
      const lease = { stream: (await this.#opened).clone() };
      if (!this.#silence) this.#learnToHurry(lease.stream);
      this.#leases.add(lease);
      const release = () => {
        if (!this.#leases.delete(lease)) return;
        stop(lease.stream);
        this.#closeWhenIdle();
      };
      return { get stream() { return lease.stream; }, release };
    } catch (error) {
      this.#opened = undefined;
      this.#silence = undefined;
      throw new MicrophoneError(error);
    } finally {
      this.#waiting--;
    }
  }

  /** Takes another microphone, also for the calls in progress: their streams are new ones afterwards. */
  async use(device: string): Promise<void> {
    this.#device = device;
    if (!this.#opened) return;
    const before = this.#opened;
    try {
      this.#opened = this.#open();
      const opened = await this.#opened;
      for (const lease of this.#leases) {
        stop(lease.stream);
        lease.stream = opened.clone();
      }
      void before.then(stop, () => {});
    } catch (error) {
      this.#opened = before;
      throw new MicrophoneError(error);
    }
  }

  #open(): Promise<MediaStream> {
    // Absent outside a secure context (https, or http on localhost).
    if (!navigator.mediaDevices) return Promise.reject(new Error("navigator.mediaDevices is not there"));
    // Not `exact`: a headset that was unplugged must not make the telephone mute.
    const audio = this.#device ? { ...this.constraints, deviceId: { ideal: this.#device } } : this.constraints;
    return navigator.mediaDevices.getUserMedia({ audio, video: false });
  }

  #learnToHurry(stream: MediaStream): void {
    this.#silence = stream.clone();
    stop(this.#silence);
    void navigator.permissions?.query({ name: "microphone" as PermissionName }).then((status) => (this.#permission = status), () => {});
  }

  #closeWhenIdle(): void {
    if (this.#leases.size > 0 || this.#waiting > 0) return;
    void this.#opened?.then(stop, () => {});
    this.#opened = undefined;
  }
}

function stop(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
