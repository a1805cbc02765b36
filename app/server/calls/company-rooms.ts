import type { Logger } from "../log.ts";
import type { CompanyRoom, CompanyRooms } from "../requests/rooms.ts";
import type { Store } from "../store/store.ts";
import type { Party } from "./call.ts";

/** The company's rooms as the store has them, at hand. */
export class CompanyRoomList implements CompanyRooms {
  readonly #store: Store;
  #rooms: readonly CompanyRoom[] = [];

  constructor(store: Store, log: Logger) {
    this.#store = store;
    const load = () => void this.load().catch((error: Error) => log.error({ reason: error.message }, "rooms could not be read"));
    store.on("changed", ({ topic }) => { if (topic === "room") load(); });
    store.on("refresh", load);
  }

  async load(): Promise<void> {
    this.#rooms = (await this.#store.rooms.all()).map(({ name, title, number, moderators }) => ({ name, title, moderators, ...(number === null ? {} : { number }) }));
  }

  rooms(): readonly CompanyRoom[] {
    return this.#rooms;
  }

  /** A room as the other side of a call; one without a number shows "00". */
  party(name: string): Party | undefined {
    const room = this.#rooms.find((one) => one.name === name);
    return room && { user: room.name, name: room.title, extension: room.number ?? "00" };
  }
}
