import type { Device, EventData } from "../protocol/wire.ts";
import { Emitter } from "./emitter.ts";
import type { Request } from "./request.ts";

export interface DevicesEvents {
  changed: [];
}

/** Where this person is signed in. */
export class Devices extends Emitter<DevicesEvents> {
  readonly #request: Request;
  #list: Device[] = [];
  #own: string | undefined;

  /** @internal */
  constructor(request: Request) {
    super();
    this.#request = request;
  }

  get list(): readonly Device[] {
    return this.#list;
  }

  /** Id of this device. */
  get own(): string | undefined {
    return this.#own;
  }

  /** Those of the others that are connected: calls can be moved to them. */
  get others(): Device[] {
    return this.#list.filter(({ id, connected }) => id !== this.#own && connected);
  }

  nameOf(id: string): string | undefined {
    return this.#list.find((device) => device.id === id)?.name;
  }

  async refresh(): Promise<void> {
    this.onDevices(await this.#request("listDevices", {}));
  }

  /** Signs another device out. */
  async signOut(id: string): Promise<void> {
    await this.#request("signOutDevice", { device: id });
  }

  /** @internal */
  takeSnapshot(own: string): void {
    this.#own = own;
  }

  /** @internal */
  onDevices({ devices }: EventData<"devices">): void {
    this.#list = devices;
    this.emit("changed");
  }

  /** @internal */
  forget(): void {
    this.#list = [];
    this.#own = undefined;
    this.emit("changed");
  }
}
