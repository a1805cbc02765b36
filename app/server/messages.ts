import type { DeliveryState, EventData, EventName, Message } from "../protocol/wire.ts";
import type { Store } from "./store/store.ts";

/** Messages that are remembered as told. */
const mostTold = 10_000;
/** Ids in which writers may overtake each other. */
const overtaking = 100;
const mostCaughtUp = 1_000;

interface Options {
  store: Store;
  tell<Name extends EventName>(user: string, name: Name, data: EventData<Name>): void;
  /** Their counts of unread messages changed. */
  profileChanged(user: string): void;
}

/** Direct messages: kept once, told once to every device of both sides, whichever server these are at. */
export class Messages {
  readonly #options: Options;
  readonly #told = new Set<number>();
  #first = 0;
  #last = 0;

  constructor(options: Options) {
    this.#options = options;
    options.store.on("changed", ({ topic, key }) => {
      if (topic === "message") void this.#hear(key);
      else if (topic === "messageState") this.#hearState(key);
    });
    options.store.on("refresh", () => void this.#catchUp());
  }

  async start(): Promise<void> {
    this.#first = this.#last = await this.#options.store.messages.last();
  }

  async send(from: string, to: string, body: string, clientId: string): Promise<Message> {
    const { message } = await this.#options.store.messages.add(from, to, body, clientId);
    this.#tell(message);
    return message;
  }

  async mark(sender: string, receiver: string, upTo: number, state: Exclude<DeliveryState, "sent">): Promise<void> {
    const last = await this.#options.store.messages.mark(sender, receiver, upTo, state);
    if (last === undefined) return;
    this.#options.tell(sender, "messageState", { with: receiver, upTo: last, state });
    this.#options.profileChanged(receiver);
  }

  #tell(message: Message): void {
    if (this.#told.has(message.id)) return;
    this.#told.add(message.id);
    if (this.#told.size > mostTold) this.#told.delete(this.#told.values().next().value!);
    this.#last = Math.max(this.#last, message.id);
    for (const user of new Set([message.from, message.to])) this.#options.tell(user, "message", { message });
    this.#options.profileChanged(message.to);
  }

  async #hear(key: string): Promise<void> {
    const space = key.indexOf(" ");
    const message = await this.#options.store.messages.get(key.slice(0, space), key.slice(space + 1)).catch(() => undefined);
    if (message) this.#tell(message);
  }

  #hearState(key: string): void {
    const [sender = "", receiver = "", upTo = "", state = ""] = key.split(" ");
    this.#options.tell(sender, "messageState", { with: receiver, upTo: Number(upTo), state: state as DeliveryState });
  }

  /** News from the other servers was interrupted. */
  async #catchUp(): Promise<void> {
    const missed = await this.#options.store.messages.since(Math.max(this.#first, this.#last - overtaking), mostCaughtUp).catch(() => []);
    for (const message of missed) this.#tell(message);
  }
}
