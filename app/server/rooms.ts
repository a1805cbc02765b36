import { EventEmitter } from "node:events";
import type { Party } from "./calls/call.ts";
import type { Logger } from "./log.ts";
import type { RoomRow } from "./store/rows.ts";
import type { Store } from "./store/store.ts";

interface RoomsEvents {
  /** A room is new, changed or was removed; who is in it, the switch knows. */
  changed: [name: string];
  /** What the switch may have cached under these names is no longer true. */
  stale: [keys: string[]];
}

/** Conference rooms of the company, as they are kept. */
export class Rooms extends EventEmitter<RoomsEvents> {
  readonly #store: Store;
  readonly #log: Logger;
  #rows = new Map<string, RoomRow>();

  constructor(store: Store, log: Logger) {
    super();
    this.#store = store;
    this.#log = log;
    store.on("changed", ({ topic }) => { if (topic === "room") void this.#reload(); });
    store.on("refresh", () => void this.#reload());
  }

  async load(): Promise<void> {
    const before = this.#rows;
    this.#rows = new Map((await this.#store.rooms.all()).map((row) => [row.name, row]));
    for (const name of new Set([...before.keys(), ...this.#rows.keys()])) {
      const [old, row] = [before.get(name), this.#rows.get(name)];
      if (JSON.stringify(old) === JSON.stringify(row)) continue;
      if (old) this.emit("stale", [`room-${name}`, ...(old.number === null ? [] : [old.number])]);
      this.emit("changed", name);
    }
  }

  all(): RoomRow[] {
    return [...this.#rows.values()];
  }

  get(name: string): RoomRow | undefined {
    return this.#rows.get(name);
  }

  /** A room by `room-` and its name, or by its number. */
  find(address: string): RoomRow | undefined {
    return address.startsWith("room-") ? this.#rows.get(address.slice("room-".length)) : this.all().find(({ number }) => number === address);
  }

  /** As calls name them. */
  rooms(): { name: string; title: string; number?: string; moderators: string[] }[] {
    return this.all().map(({ name, title, number, moderators }) => ({ name, title, ...(number === null ? {} : { number }), moderators }));
  }

  /** A room as the other side of a call; one without a number shows "00". */
  party(name: string): Party | undefined {
    const room = this.#rows.get(name);
    return room && { user: room.name, name: room.title, extension: room.number ?? "00" };
  }

  /** @throws AlreadyThere */
  async add(row: RoomRow): Promise<void> {
    await this.#store.rooms.add(row);
    await this.load();
  }

  /** @throws AlreadyThere */
  async change(row: RoomRow): Promise<void> {
    await this.#store.rooms.change(row);
    await this.load();
  }

  async remove(name: string): Promise<boolean> {
    const was = await this.#store.rooms.remove(name);
    await this.load();
    return was;
  }

  async #reload(): Promise<void> {
    await this.load().catch((error: Error) => this.#log.error({ reason: error.message }, "rooms could not be read"));
  }
}
