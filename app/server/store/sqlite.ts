import { Worker } from "node:worker_threads";
import { Failure } from "../failure.ts";
import { AlreadyThere, mostWaiting, StoreUnavailable, type Change, type ChangeListener, type Database, type Statement, type Value } from "./database.ts";
import type { Answer, FromWorker, Opening, Work } from "./sqlite-worker.ts";

interface Waiting { resolve(rows: unknown[][]): void; reject(error: Error): void }

/** The embedded database: one file, one thread that owns it. Two releases of an upgrade may have it open at once. */
export class SqliteDatabase implements Database {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #outbox: Work[] = [];
  #lastId = 0;
  #listener: ChangeListener | undefined;
  #closed: Error | undefined;

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on("message", (message: FromWorker) => this.#take(message));
    worker.on("error", (error) => this.#fail(error));
    worker.on("exit", () => this.#fail(new Error("the thread of the database has ended")));
  }

  /**
   * Opens the file and brings its schema up to this release's.
   *
   * @param opening.origin what tells this server from others
   * @throws Failure when the directory can't be used
   */
  static async open(opening: Opening): Promise<SqliteDatabase> {
    const worker = new Worker(new URL("./sqlite-worker.ts", import.meta.url), { workerData: opening });
    const database = new SqliteDatabase(worker);
    const first = await new Promise<FromWorker>((resolve, reject) => worker.once("message", resolve).once("error", reject));
    if (first.kind !== "refused") return database;
    await worker.terminate();
    throw new Failure(`The database in ${opening.directory} can't be opened (${first.reason}). The directory must belong to the user of this server, and its disk must have room.`);
  }

  async read<Row>(sql: string, ...params: readonly Value[]): Promise<Row[]> {
    const [rows] = await this.#do([{ sql, params }]);
    return rows as Row[];
  }

  write(statements: readonly Statement[], told: readonly Change[] = []): Promise<unknown[][]> {
    return this.#do(statements, told);
  }

  async probe(): Promise<void> {
    await this.write([]);
  }

  listen(listener: ChangeListener): void {
    this.#listener = listener;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#post();
    const closed = new Promise((resolve) => this.#worker.once("exit", resolve));
    this.#worker.postMessage("close");
    await closed;
  }

  #do(statements: readonly Statement[], told?: readonly Change[]): Promise<unknown[][]> {
    if (this.#closed) return Promise.reject(new StoreUnavailable(this.#closed.message));
    if (this.#waiting.size >= mostWaiting) return Promise.reject(new StoreUnavailable("too much waits for the database"));
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      this.#waiting.set(id, { resolve, reject });
      // What is asked for in one turn of the event loop crosses to the thread together.
      if (this.#outbox.push({ id, statements, ...(told ? { told } : {}) }) === 1) queueMicrotask(() => this.#post());
    });
  }

  #post(): void {
    if (this.#outbox.length === 0) return;
    this.#worker.postMessage(this.#outbox);
    this.#outbox = [];
  }

  #take(message: FromWorker): void {
    if (message.kind === "done") for (const answer of message.answers) this.#settle(answer);
    else if (message.kind === "changes") for (const change of message.changes) this.#listener?.change(change);
  }

  #settle({ id, rows, failure, duplicate }: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (rows) waiting?.resolve(rows);
    else waiting?.reject(duplicate ? new AlreadyThere(failure) : new StoreUnavailable(failure));
  }

  #fail(error: Error): void {
    this.#closed ??= error;
    for (const { reject } of this.#waiting.values()) reject(new StoreUnavailable(error.message));
    this.#waiting.clear();
  }
}
