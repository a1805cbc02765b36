import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Milliseconds after which a lock that nobody has is taken for a dead server's: one that is just starting has not locked its own yet. */
const startingMs = 60_000;

/**
 * Which servers of a directory are running: each has an empty database of its own locked there. Such a lock goes with its process,
 * however that ends, also in another container of the same host. (SQLite, "File Locking And Concurrency")
 */
export class Running {
  readonly #directory: string;
  readonly #own: string;
  readonly #lock: DatabaseSync;

  /** @param own what tells this server from others */
  constructor(dataDirectory: string, own: string) {
    this.#directory = join(dataDirectory, "running");
    this.#own = own;
    mkdirSync(this.#directory, { recursive: true });
    for (const file of readdirSync(this.#directory)) this.#removeOf(file.replace(/\.lock$/, ""));
    this.#lock = new DatabaseSync(this.#fileOf(own), { timeout: 1_000 });
    this.#lock.exec("BEGIN EXCLUSIVE");
  }

  has(server: string): boolean {
    // A process that closes a file loses its locks of it. (fcntl(2), "Record locks")
    if (server === this.#own) return true;
    if (!existsSync(this.#fileOf(server))) return false;
    const lock = new DatabaseSync(this.#fileOf(server), { timeout: 0 });
    try {
      lock.exec("BEGIN IMMEDIATE");
      return false;
    } catch {
      return true;
    } finally {
      lock.close();
    }
  }

  close(): void {
    rmSync(this.#fileOf(this.#own), { force: true });
    this.#lock.close();
  }

  #removeOf(server: string): void {
    const seen = statSync(this.#fileOf(server), { throwIfNoEntry: false });
    if (seen && Date.now() - seen.mtimeMs > startingMs && !this.has(server)) rmSync(this.#fileOf(server), { force: true });
  }

  #fileOf(server: string): string {
    return join(this.#directory, `${server}.lock`);
  }
}
