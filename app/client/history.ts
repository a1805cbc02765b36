import type { HistoryEntry } from "../protocol/wire.ts";
import { Emitter } from "./emitter.ts";
import type { Request } from "./request.ts";

export interface HistoryEvents {
  changed: [];
}

const pageRows = 30;
/** Rows kept in the page; older ones are asked for again. */
const mostKept = 600;

/** Calls that are over, newest first: kept by the server, the same on every device. */
export class History extends Emitter<HistoryEvents> {
  readonly #request: Request;
  #entries: HistoryEntry[] = [];
  #complete = false;
  #missedOnly = false;
  /** Counts what was asked, so that the answer to an older question is dropped. */
  #asked = 0;

  /** @internal */
  constructor(request: Request) {
    super();
    this.#request = request;
  }

  get entries(): readonly HistoryEntry[] {
    return this.#entries;
  }

  get isComplete(): boolean {
    return this.#complete;
  }

  get missedOnly(): boolean {
    return this.#missedOnly;
  }

  /** Loads the newest; with `missedOnly`, of missed calls alone. */
  async load(missedOnly = this.#missedOnly): Promise<void> {
    const asked = ++this.#asked;
    const { entries } = await this.#request("history", { missedOnly, limit: pageRows });
    if (asked !== this.#asked) return;
    this.#missedOnly = missedOnly;
    this.#entries = entries;
    this.#complete = entries.length < pageRows;
    this.emit("changed");
  }

  /** Loads the page after the oldest entry that is here. */
  async more(): Promise<void> {
    const oldest = this.#entries.at(-1);
    if (!oldest || this.#complete) return;
    const asked = ++this.#asked;
    const { entries } = await this.#request("history", { missedOnly: this.#missedOnly, limit: pageRows, before: oldest.endedAt });
    if (asked !== this.#asked) return;
    const known = new Set(this.#entries.map(({ call }) => call));
    this.#entries = [...this.#entries, ...entries.filter(({ call }) => !known.has(call))];
    this.#complete = entries.length < pageRows || this.#entries.length >= mostKept;
    this.emit("changed");
  }

  /** Calls with one person, for a card in a CRM; kept nowhere. */
  async with(user: string, limit = pageRows): Promise<HistoryEntry[]> {
    return (await this.#request("history", { with: user, limit })).entries;
  }

  /** The missed calls up to now have been seen, on every device. */
  async markSeen(): Promise<void> {
    await this.#request("markHistorySeen", {});
  }

  /** @internal */
  forget(): void {
    this.#asked++;
    this.#entries = [];
    this.#complete = false;
    this.emit("changed");
  }
}
