import type { Call, EndReason, HistoryEntry } from "../protocol/wire.ts";
import type { PastCall } from "../protocol/rest.ts";
import type { HistoryQuery } from "./store/history-store.ts";
import type { HistoryRow } from "./store/rows.ts";
import type { Store } from "./store/store.ts";

/** Reasons after which a call that nobody answered was not missed: the called person decided so, or never was called. */
const notMissed: ReadonlySet<EndReason> = new Set<EndReason>(["declined", "unknown-person"]);

/** Calls that are over, one row a person. */
export class History {
  readonly #store: Store;
  readonly #profileChanged: (user: string) => void;

  /** @param profileChanged somebody has missed a call, or has seen that they did */
  constructor(store: Store, profileChanged: (user: string) => void) {
    this.#store = store;
    this.#profileChanged = profileChanged;
    store.on("changed", ({ topic, key }) => { if (topic === "history" || topic === "profile") profileChanged(key); });
  }

  /**
   * Keeps an ended call, once, however many servers saw it end.
   *
   * @param of who left a call that goes on without them, as they saw it
   */
  async record(call: Call, of?: string): Promise<void> {
    const rows = rowsOf(call).filter(({ user }) => of === undefined || user === of);
    if (rows.length === 0) return;
    const first = new Set(await this.#store.history.add(rows));
    for (const { user, missed } of rows) if (missed && first.has(user)) this.#profileChanged(user);
  }

  /** Of everybody, newest first. */
  async pageOfAll(before: number, limit: number): Promise<PastCall[]> {
    return (await this.#store.history.pageOfAll(before, limit)).map(({ call, user, peer, direction: _, missed: __, ...times }) => ({ call, caller: user, callee: peer, ...times }));
  }

  /** Whom somebody called last. */
  async lastCalled(user: string): Promise<string | undefined> {
    return this.#store.history.lastCalled(user);
  }

  async page(user: string, query: HistoryQuery): Promise<HistoryEntry[]> {
    return (await this.#store.history.page(user, query)).map(({ user: _, ...entry }) => entry);
  }
}

function rowsOf({ id, caller, callee, startedAt, answeredAt, endedAt = Date.now(), reason = "failed" }: Call): HistoryRow[] {
  const times = { startedAt, ...(answeredAt === undefined ? {} : { answeredAt }), endedAt, reason };
  const outgoing: HistoryRow = { call: id, user: caller.user, direction: "outgoing", peer: callee, ...times, missed: false };
  if (callee.user === caller.user) return [outgoing];
  return [outgoing, { call: id, user: callee.user, direction: "incoming", peer: caller, ...times, missed: answeredAt === undefined && !notMissed.has(reason) }];
}
