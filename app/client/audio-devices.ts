import { z } from "zod";
import { Emitter } from "./emitter.ts";
import type { Microphone } from "./microphone.ts";
import type { Sounds } from "./sounds.ts";

const stored = z.object({ microphone: z.string().max(200).default(""), speaker: z.string().max(200).default(""), ring: z.string().max(200).default("") });

export interface AudioDevice {
  id: string;
  name: string;
}

export interface AudioDevicesEvents {
  /** Devices came or went, or another one was chosen. */
  changed: [];
  /** The microphone of calls in progress is another one now. */
  microphone: [];
  speaker: [];
}

/** Which microphone, speaker and ring device are used: a choice of this browser's, kept in it. An empty id is the system's. */
export class AudioDevices extends Emitter<AudioDevicesEvents> {
  readonly #microphone: Microphone;
  readonly #sounds: Sounds;
  readonly #storage: Storage | undefined;
  readonly #key: string;
  readonly #onChange = () => this.emit("changed");
  #speaker = "";
  #ring = "";

  /** @internal */
  constructor(microphone: Microphone, sounds: Sounds, storage: Storage | undefined, key = "houseline.audio") {
    super();
    this.#microphone = microphone;
    this.#sounds = sounds;
    this.#storage = storage;
    this.#key = key;
    const chosen = this.#read();
    this.#speaker = chosen.speaker;
    this.#ring = chosen.ring;
    void microphone.use(chosen.microphone);
    sounds.useOutputs({ ring: this.#ring, other: this.#speaker });
    navigator.mediaDevices?.addEventListener("devicechange", this.#onChange);
  }

  get microphone(): string {
    return this.#microphone.device;
  }

  get speaker(): string {
    return this.#speaker;
  }

  get ring(): string {
    return this.#ring;
  }

  /** Whether this browser lets a page choose where it is heard. */
  get canChooseSpeaker(): boolean {
    return typeof HTMLMediaElement !== "undefined" && "setSinkId" in HTMLMediaElement.prototype;
  }

  /** Devices by kind. Names are there once the page may use the microphone. */
  async list(): Promise<{ microphones: AudioDevice[]; speakers: AudioDevice[] }> {
    const devices = await navigator.mediaDevices?.enumerateDevices() ?? [];
    const ofKind = (kind: MediaDeviceKind) => devices.filter((device) => device.kind === kind && device.deviceId !== "" && device.deviceId !== "default" && device.deviceId !== "communications")
      .map(({ deviceId, label }, index) => ({ id: deviceId, name: label || `${index + 1}` }));
    return { microphones: ofKind("audioinput"), speakers: ofKind("audiooutput") };
  }

  async chooseMicrophone(id: string): Promise<void> {
    await this.#microphone.use(id);
    this.#save();
    this.emit("microphone");
    this.emit("changed");
  }

  chooseSpeaker(id: string): void {
    this.#speaker = id;
    this.#apply();
    this.emit("speaker");
  }

  chooseRing(id: string): void {
    this.#ring = id;
    this.#apply();
  }

  /** @internal */
  close(): void {
    navigator.mediaDevices?.removeEventListener("devicechange", this.#onChange);
    this.removeListeners();
  }

  #apply(): void {
    this.#sounds.useOutputs({ ring: this.#ring, other: this.#speaker });
    this.#save();
    this.emit("changed");
  }

  #read(): z.infer<typeof stored> {
    try {
      return stored.parse(JSON.parse(this.#storage?.getItem(this.#key) ?? "{}"));
    } catch {
      return { microphone: "", speaker: "", ring: "" };
    }
  }

  #save(): void {
    try {
      this.#storage?.setItem(this.#key, JSON.stringify({ microphone: this.microphone, speaker: this.#speaker, ring: this.#ring }));
    } catch {
      // Full, or not allowed: the choice lasts as long as the page.
    }
  }
}
