import type { EventData, Moderation, Room } from "../protocol/wire.ts";
import { Emitter } from "./emitter.ts";
import type { Request } from "./request.ts";

export interface RoomsEvents {
  changed: [];
}

/** Conference rooms of the company; to join one, call `room-` and its name, or its number. */
export class Rooms extends Emitter<RoomsEvents> {
  readonly #request: Request;
  readonly #rooms = new Map<string, Room>();

  /** @internal */
  constructor(request: Request) {
    super();
    this.#request = request;
  }

  get list(): Room[] {
    return [...this.#rooms.values()].sort((one, other) => one.title.localeCompare(other.title));
  }

  find(name: string): Room | undefined {
    return this.#rooms.get(name);
  }

  async refresh(): Promise<void> {
    const { rooms } = await this.#request("listRooms", {});
    this.#rooms.clear();
    for (const room of rooms) this.#rooms.set(room.name, room);
    this.emit("changed");
  }

  /** Mutes, removes, locks or announces: for its moderators, whoever began it, or with permission `rooms.moderate`. */
  async moderate(room: string, command: Moderation): Promise<void> {
    await this.#request("moderate", { room, command });
  }

  /** @internal */
  onRoom({ room }: EventData<"room">): void {
    this.#rooms.set(room.name, room);
    this.emit("changed");
  }

  /** @internal */
  forget(): void {
    this.#rooms.clear();
    this.emit("changed");
  }
}
