import type { CallLeg } from "./call-leg.ts";
import type { Side } from "./call-state.ts";
import { Emitter } from "./emitter.ts";
import type { CallEndReason, EndedBy } from "./end-reason.ts";
import type { Microphone, MicrophoneLease } from "./microphone.ts";
import { RemoteAudio } from "./remote-audio.ts";

export interface CallLegsEvents {
  progress: [];
  /** The leg, or one that took over from it, is answered. */
  accepted: [];
  hold: [by: Side];
  unhold: [by: Side];
  /** Media broke off for good. */
  broken: [];
  ended: [reason: CallEndReason, by: EndedBy];
  /** The connection was lost before the switch had heard of the leg. */
  unheard: [];
  /** The switch was about to end, and took no call any more. */
  turnedAway: [];
  /** The leg that was to take over ended before it was answered. */
  missed: [];
  /** Its sound or the quality of its connection is different. */
  changed: [];
}

/** Milliseconds without media after which the call is taken for cut off, over however many legs; ICE, or another leg, may mend it before. */
const mediaLostMs = 20_000;

/** The leg that a call is heard over, the one that is to take over from it, and the microphone and speaker of both. */
export class CallLegs extends Emitter<CallLegsEvents> {
  readonly #microphone: Microphone;
  readonly #speaker: () => string;
  #first: CallLeg | undefined;
  #current: CallLeg | undefined;
  #next: CallLeg | undefined;
  #lease: MicrophoneLease | undefined;
  #audio: RemoteAudio | undefined;
  #name: string;
  #earlyMedia = false;
  #muted = false;
  #closed = false;
  #mediaLost: ReturnType<typeof setTimeout> | undefined;

  /** @param name whose voice it is */
  constructor(microphone: Microphone, speaker: () => string, name: string) {
    super();
    this.#microphone = microphone;
    this.#speaker = speaker;
    this.#name = name;
  }

  get current(): CallLeg | undefined {
    return this.#current;
  }

  /** The leg by which the call began here. */
  get first(): CallLeg | undefined {
    return this.#first;
  }

  /** Whether another leg is about to take over. */
  get isChanging(): boolean {
    return this.#next !== undefined;
  }

  get muted(): boolean {
    return this.#muted;
  }

  get earlyMedia(): boolean {
    return this.#earlyMedia;
  }

  /** The first leg of the call. */
  take(leg: CallLeg): void {
    this.#first = this.#current = leg;
    leg.on("progress", (earlyMedia) => {
      this.#earlyMedia ||= earlyMedia;
      this.emit("progress");
    });
    leg.on("accepted", () => {
      leg.mute(this.#muted);
      this.emit("accepted");
    });
    this.#follow(leg);
  }

  /** The first leg of the call came to nobody: another is taken instead. */
  giveUp(): void {
    this.#current?.discard();
    this.#current = undefined;
  }

  /** Answers another leg, which takes over once it is answered. */
  async adopt(leg: CallLeg): Promise<void> {
    this.#next?.discard();
    this.#next = leg;
    leg.on("accepted", () => this.#takeOver(leg));
    leg.on("ended", () => {
      if (this.#next !== leg) return;
      this.#next = undefined;
      this.emit("missed");
    });
    await this.withMicrophone((stream) => leg.answer(stream));
  }

  /**
   * Runs a step that needs the microphone, unless the call has ended while the browser was asking; at once when it is sure to open, and the
   * voice follows. Rejects with a `MicrophoneError`.
   */
  async withMicrophone(step: (stream: MediaStream) => void): Promise<void> {
    const standIn = this.#lease || this.#closed ? undefined : this.#microphone.standIn;
    const opened = this.#openMicrophone();
    if (standIn) step(standIn);
    await opened;
    if (this.#closed || !this.#lease) return;
    if (standIn) return this.#giveVoice(this.#lease.stream);
    for (const track of this.#lease.stream.getTracks()) track.enabled = !this.#muted;
    step(this.#lease.stream);
  }

  async #openMicrophone(): Promise<void> {
    if (!this.#lease) {
      const lease = await this.#microphone.lease();
      if (this.#lease || this.#closed) lease.release();
      else this.#lease = lease;
    }
  }

  /** The microphone is there now: silent when its stand-in has been silenced meanwhile. */
  async #giveVoice(stream: MediaStream): Promise<void> {
    const leg = this.#next ?? this.#current;
    for (const track of stream.getAudioTracks()) {
      track.enabled = !this.#muted && leg?.silent !== true;
      await leg?.replaceTrack(track);
    }
  }

  mute(on: boolean): void {
    this.#muted = on;
    this.#current?.mute(on);
  }

  /** The microphone was changed for another: its voice goes out from now on. */
  async changeMicrophone(silent: boolean): Promise<void> {
    const track = this.#lease?.stream.getAudioTracks()[0];
    if (!track || !this.#current) return;
    track.enabled = !silent;
    await this.#current.replaceTrack(track);
  }

  changeSpeaker(): void {
    this.#audio?.useSpeaker(this.#speaker());
  }

  terminate(status?: number): void {
    this.#next?.discard();
    this.#current?.terminate(status);
  }

  /** The call is over: microphone and speaker are free. */
  close(): void {
    this.#closed = true;
    this.#hasMedia();
    this.#audio?.close();
    this.#lease?.release();
    this.#lease = undefined;
  }

  #takeOver(leg: CallLeg): void {
    if (this.#next !== leg) return;
    this.#next = undefined;
    const old = this.#current;
    this.#current = leg;
    old?.giveWay();
    if (leg.carries) this.#hasMedia();
    this.#follow(leg);
    if (leg.remoteStream) this.#play(leg.remoteStream);
    leg.mute(this.#muted);
    this.emit("accepted");
  }

  #follow(leg: CallLeg): void {
    const ifCurrent = (run: () => void) => { if (this.#current === leg) run(); };
    leg.on("hold", (by) => ifCurrent(() => this.emit("hold", by)));
    leg.on("unhold", (by) => ifCurrent(() => this.emit("unhold", by)));
    leg.on("audio", (stream) => ifCurrent(() => this.#play(stream)));
    leg.on("broken", () => ifCurrent(() => this.emit("broken")));
    leg.on("unstable", (unstable) => ifCurrent(() => {
      if (unstable) this.#mediaLost ??= setTimeout(() => this.emit("broken"), mediaLostMs);
      else this.#hasMedia();
      this.emit("changed");
    }));
    leg.on("connected", () => ifCurrent(() => {
      this.#hasMedia();
      this.emit("changed");
    }));
    leg.on("ended", (reason, by) => ifCurrent(() => {
      this.#current = undefined;
      this.#hasMedia();
      if (leg.turnedAway) this.emit("turnedAway");
      else if (reason === "connection-lost" && !leg.hasArrived) this.emit("unheard");
      else this.emit("ended", reason, by);
    }));
  }

  /** Or it needs none any more. */
  #hasMedia(): void {
    clearTimeout(this.#mediaLost);
    this.#mediaLost = undefined;
  }

  #play(stream: MediaStream): void {
    if (this.#closed) return;
    this.#audio ??= new RemoteAudio(this.#name, this.#speaker());
    this.#audio.play(stream);
    this.emit("changed");
  }
}
