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
  /** Messages of other servers, heard of and not read yet. */
  #heard: string[] = [];
  /** News was interrupted: some were not heard of. */
  #isBehind = false;
  #isReading = false;
  #first = 0;
  #last = 0;

  constructor(options: Options) {
    this.#options = options;
    options.store.on("changed", ({ topic, key }) => {
      if (topic === "message") this.#hear(key);
      else if (topic === "messageState") this.#hearState(key);
    });
    options.store.on("refresh", () => {
      this.#isBehind = true;
      void this.#read();
    });
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

  #hear(key: string): void {
    this.#heard.push(key);
    void this.#read();
  }

  /** Reads and tells in the order in which they were kept: one read at a time, of all that came meanwhile. */
  async #read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    const { messages } = this.#options.store;
    while (this.#isBehind || this.#heard.length > 0) {
      const keys = this.#heard.splice(0);
      const isBehind = this.#isBehind;
      this.#isBehind = false;
      const missed = isBehind ? await messages.since(Math.max(this.#first, this.#last - overtaking), mostCaughtUp).catch(() => []) : [];
      const heard = await Promise.all(keys.map((key) => messages.get(key.slice(0, key.indexOf(" ")), key.slice(key.indexOf(" ") + 1)).catch(() => undefined)));
      for (const message of [...missed, ...heard.filter((one) => one !== undefined)].sort((a, b) => a.id - b.id)) this.#tell(message);
    }
    this.#isReading = false;
  }

  #hearState(key: string): void {
    const [sender = "", receiver = "", upTo = "", state = ""] = key.split(" ");
    this.#options.tell(sender, "messageState", { with: receiver, upTo: Number(upTo), state: state as DeliveryState });
  }
}
