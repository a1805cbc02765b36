import { limits } from "../protocol/wire.ts";
import type { DeliveryState, EventData, Message } from "../protocol/wire.ts";
import { Emitter } from "./emitter.ts";
import type { Request } from "./request.ts";

/** A message as this page has it: one that is being sent, or could not be, has no id yet. */
export interface ThreadMessage {
  key: string;
  id: number | undefined;
  from: string;
  to: string;
  body: string;
  sentAt: number;
  state: DeliveryState | "sending" | "failed";
}

export interface Conversation {
  with: string;
  last: Message;
  unread: number;
}

/** `loaded`: whether the server was asked for it. `complete`: whether it begins with the first message. */
interface Thread {
  messages: ThreadMessage[];
  loaded: boolean;
  complete: boolean;
}

export interface MessagesEvents {
  /** The list of conversations, or how many messages in it are unread. */
  conversations: [];
  /** The thread with somebody. */
  thread: [user: string];
  /** Somebody wrote. */
  received: [message: Message];
}

const order: readonly ThreadMessage["state"][] = ["failed", "sending", "sent", "delivered", "read"];
/** Messages kept in the page of one thread; older ones are asked for again. */
const mostKept = 2_000;
let nextId = 1;

/** Direct messages with delivery and read marks: the conversations, and the threads that were looked into. */
export class Messages extends Emitter<MessagesEvents> {
  readonly #request: Request;
  readonly #me: () => string | undefined;
  readonly #conversations = new Map<string, Conversation>();
  readonly #threads = new Map<string, Thread>();

  /** @internal */
  constructor(request: Request, me: () => string | undefined) {
    super();
    this.#request = request;
    this.#me = me;
  }

  /** The last message with everybody, newest first. */
  get conversations(): Conversation[] {
    return [...this.#conversations.values()].sort((one, other) => other.last.id - one.last.id);
  }

  get unread(): number {
    return [...this.#conversations.values()].reduce((sum, { unread }) => sum + unread, 0);
  }

  /** What is here of the thread with somebody, oldest first. */
  thread(user: string): readonly ThreadMessage[] {
    return this.#threads.get(user)?.messages ?? [];
  }

  /** Whether the thread begins with its first message. */
  isComplete(user: string): boolean {
    return this.#threads.get(user)?.complete ?? false;
  }

  /** Asks for the list of conversations, after signing in and after a gap; what came meanwhile counts as delivered. @internal */
  async refresh(): Promise<void> {
    const { conversations } = await this.#request("listConversations", { limit: limits.pageRows });
    this.#conversations.clear();
    for (const conversation of conversations) {
      this.#conversations.set(conversation.with, conversation);
      if (conversation.last.from === conversation.with && conversation.last.state === "sent") this.#mark(conversation.with, conversation.last.id, "delivered");
    }
    for (const [user, { loaded }] of this.#threads) if (loaded) await this.#load(user, undefined);
    this.emit("conversations");
  }

  /** Loads the newest messages with somebody, when they are not here yet. */
  async open(user: string): Promise<void> {
    if (!this.#threads.get(user)?.loaded) await this.#load(user, undefined);
  }

  /** Loads the messages before the oldest one that is here. */
  async older(user: string): Promise<void> {
    const oldest = this.thread(user).find(({ id }) => id !== undefined)?.id;
    if (!this.isComplete(user)) await this.#load(user, oldest);
  }

  /** Sends a message; it stands in the thread at once. Sending the same one again after a failure makes no second one. */
  async send(to: string, body: string): Promise<void> {
    await this.#send({ key: `${Date.now().toString(36)}-${nextId++}-${Math.random().toString(36).slice(2, 10)}`, id: undefined, from: this.#me() ?? "", to, body, sentAt: Date.now(), state: "sending" });
  }

  /** Tries again to send a message that failed. */
  async resend(to: string, key: string): Promise<void> {
    const failed = this.thread(to).find((message) => message.key === key && message.state === "failed");
    if (failed) await this.#send({ ...failed, state: "sending" });
  }

  /** This person has seen everything in the thread. */
  async markRead(user: string): Promise<void> {
    const conversation = this.#conversations.get(user);
    const newest = this.thread(user).findLast(({ from, id }) => from === user && id !== undefined);
    if (!newest?.id || (!conversation?.unread && newest.state === "read")) return;
    if (conversation) this.#conversations.set(user, { ...conversation, unread: 0 });
    this.#raise(user, newest.id, "read", user);
    this.emit("conversations");
    await this.#request("markMessages", { with: user, upTo: newest.id, state: "read" });
  }

  /** @internal */
  onMessage({ message }: EventData<"message">): void {
    const me = this.#me();
    const other = message.from === me ? message.to : message.from;
    const known = this.#conversations.get(other);
    const isNews = message.from === other && (!known || message.id > known.last.id);
    if (!known || message.id >= known.last.id) this.#conversations.set(other, { with: other, last: message, unread: (known?.unread ?? 0) + (isNews ? 1 : 0) });
    if (message.from === me) this.#dropSending(other, message.body);
    this.#put(other, toThread(message));
    if (message.from === other && message.state === "sent") this.#mark(other, message.id, "delivered");
    this.emit("conversations");
    this.emit("thread", other);
    if (isNews) this.emit("received", message);
  }

  /** The other side's devices have what this person wrote, or the other side has read it. @internal */
  onMessageState({ with: user, upTo, state }: EventData<"messageState">): void {
    this.#raise(user, upTo, state, this.#me() ?? "");
  }

  /** @internal */
  forget(): void {
    this.#conversations.clear();
    this.#threads.clear();
    this.emit("conversations");
  }

  async #send(message: ThreadMessage): Promise<void> {
    this.#put(message.to, message);
    this.emit("thread", message.to);
    try {
      const sent = (await this.#request("sendMessage", { to: message.to, body: message.body, clientId: message.key })).message;
      const thread = this.#thread(message.to);
      thread.messages = thread.messages.filter(({ key }) => key !== message.key);
      this.onMessage({ message: sent });
    } catch (error) {
      this.#put(message.to, { ...message, state: "failed" });
      this.emit("thread", message.to);
      throw error;
    }
  }

  async #load(user: string, before: number | undefined): Promise<void> {
    const { messages } = await this.#request("listMessages", { with: user, before, limit: 50 });
    for (const message of messages) this.#put(user, toThread(message));
    const thread = this.#thread(user);
    thread.loaded = true;
    if (messages.length < 50) thread.complete = true;
    this.emit("thread", user);
  }

  /** Into a thread that is here; what can't be sent yet stays at its end. */
  #put(user: string, message: ThreadMessage): void {
    const thread = this.#thread(user);
    const others = thread.messages.filter(({ key }) => key !== message.key);
    thread.messages = [...others, message].sort((one, other) => (one.id ?? Infinity) - (other.id ?? Infinity) || one.sentAt - other.sentAt).slice(-mostKept);
  }

  #thread(user: string): Thread {
    const thread = this.#threads.get(user) ?? { messages: [], loaded: false, complete: false };
    this.#threads.set(user, thread);
    return thread;
  }

  /** The event about a message that is being sent may come before the answer. */
  #dropSending(user: string, body: string): void {
    const thread = this.#thread(user);
    const sending = thread.messages.find((message) => message.state === "sending" && message.body === body);
    thread.messages = thread.messages.filter((message) => message !== sending);
  }

  #raise(user: string, upTo: number, state: DeliveryState, from: string): void {
    const higher = (message: { id: number | undefined; from: string; state: ThreadMessage["state"] }) =>
      message.from === from && message.id !== undefined && message.id <= upTo && order.indexOf(message.state) < order.indexOf(state);
    const thread = this.#threads.get(user);
    if (thread) thread.messages = thread.messages.map((message) => (higher(message) ? { ...message, state } : message));
    const conversation = this.#conversations.get(user);
    if (conversation && higher(conversation.last)) this.#conversations.set(user, { ...conversation, last: { ...conversation.last, state } });
    this.emit("thread", user);
    this.emit("conversations");
  }

  #mark(user: string, upTo: number, state: "delivered" | "read"): void {
    this.#request("markMessages", { with: user, upTo, state }).catch(() => {});
  }
}

function toThread(message: Message): ThreadMessage {
  return { ...message, key: `m${message.id}` };
}
