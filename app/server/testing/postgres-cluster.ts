import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { appendFileSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

const versions = "/usr/lib/postgresql";

/** A real PostgreSQL, thrown away after the test: reached by a unix socket in its own directory, and by a port when one is given. */
export class PostgresCluster {
  readonly #folder: string;
  readonly #bin: string;
  readonly #who: { uid?: number; gid?: number };
  readonly #port: number | undefined;
  readonly #address: string;
  #process: ChildProcess | undefined;
  #databases = 0;

  private constructor(folder: string, bin: string, who: { uid?: number; gid?: number }, port: number | undefined, address: string) {
    this.#folder = folder;
    this.#bin = bin;
    this.#who = who;
    this.#port = port;
    this.#address = address;
  }

  /** @param address of this machine that it listens on, for whoever is in the same network */
  static async start(port?: number, address = "127.0.0.1"): Promise<PostgresCluster> {
    const bin = findPrograms();
    if (!bin) throw new Error("PostgreSQL is missing: './houseline test' installs it, or type 'apt-get install postgresql'.");
    const folder = mkdtempSync(join(tmpdir(), "houseline-pg-"));
    // It refuses to run as root.
    const who = process.getuid?.() === 0 ? { uid: idOf("-u"), gid: idOf("-g") } : {};
    if (who.uid !== undefined) chownSync(folder, who.uid, who.gid!);
    const cluster = new PostgresCluster(folder, bin, who, port, address);
    execFileSync(join(cluster.#bin, "initdb"), ["-D", join(folder, "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"], { ...who, cwd: folder, stdio: "pipe" });
    appendFileSync(join(folder, "data/pg_hba.conf"), "host all all samenet trust\n");
    await cluster.run();
    return cluster;
  }

  /** Starts it, also again after `kill`. */
  async run(): Promise<void> {
    const settings = { ...(this.#port === undefined ? { listen_addresses: "" } : { listen_addresses: this.#address, port: String(this.#port) }), unix_socket_directories: this.#folder, max_connections: "100", log_min_messages: "warning" };
    const child = spawn(join(this.#bin, "postgres"), ["-D", join(this.#folder, "data"), ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])], { ...this.#who, cwd: this.#folder, stdio: "ignore" });
    this.#process = child;
    for (const end = Date.now() + 20_000; !this.#answers();) {
      if (Date.now() > end || child.exitCode !== null) throw new Error("PostgreSQL did not start");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** A new empty database; gives its URL. */
  createDatabase(): string {
    const name = `test${++this.#databases}`;
    this.sql("postgres", `CREATE DATABASE ${name}`);
    return this.url(name);
  }

  url(database: string): string {
    if (this.#port !== undefined) return `postgres://postgres:a-secret-of-the-database@${this.#address}:${this.#port}/${database}`;
    return `postgres://postgres@/${database}?host=${encodeURIComponent(this.#folder)}`;
  }

  /** Runs SQL beside the program under test. */
  sql(database: string, text: string): string {
    return execFileSync(join(this.#bin, "psql"), ["-h", this.#folder, ...(this.#port === undefined ? [] : ["-p", String(this.#port)]), "-U", "postgres", "-d", database, "-At", "-c", text], { cwd: "/", encoding: "utf8", stdio: "pipe" }).trim();
  }

  /** Ends it as a crash would (SIGQUIT: at once, without a checkpoint). */
  async kill(): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGQUIT");
    await gone;
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #answers(): boolean {
    try {
      return this.sql("postgres", "SELECT 1") === "1";
    } catch {
      return false;
    }
  }
}

/** Debian keeps them by version, others on PATH. */
function findPrograms(): string | undefined {
  const debian = existsSync(versions) ? readdirSync(versions).sort((a, b) => Number(b) - Number(a)).map((version) => join(versions, version, "bin")) : [];
  return [...debian, ...(process.env.PATH ?? "").split(delimiter)].find((folder) => folder !== "" && existsSync(join(folder, "initdb")));
}

function idOf(which: "-u" | "-g"): number {
  for (const user of ["postgres", "nobody"]) {
    try {
      return Number(execFileSync("id", [which, user], { encoding: "utf8", stdio: "pipe" }));
    } catch {
      // The next one.
    }
  }
  throw new Error("There is neither a user 'postgres' nor 'nobody' to run PostgreSQL as.");
}
