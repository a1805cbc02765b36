import { bounds } from "../bounds.ts";
import type { Log } from "../log.ts";
import { parseDirectory, type DirectoryUser } from "./xml.ts";

export type Purpose = "sip_auth" | "user_call";
export type Lookup = { found: DirectoryUser } | { found: undefined; why: "nobody" | "unreachable" };

export interface DirectoryOptions { urls: string[]; password: string; domain: string; log: Log; now?: () => number }

/** Asks the application server who somebody is, as mod_xml_curl does: addresses in order, and people kept as long as they say. */
export class Directory {
  readonly #options: DirectoryOptions;
  readonly #cache = new Map<string, { user: DirectoryUser; until: number }>();
  readonly #asking = new Map<string, Promise<Lookup>>();
  /** Grows with every flush: an answer asked for before it is not kept. */
  #generation = 0;

  constructor(options: DirectoryOptions) {
    this.#options = options;
  }

  async find(user: string, purpose: Purpose): Promise<Lookup> {
    const kept = this.#cache.get(user);
    if (kept && kept.until > (this.#options.now ?? Date.now)()) return { found: kept.user };
    this.#cache.delete(user);
    const key = `${this.#generation} ${user}`;
    const asked = this.#asking.get(key) ?? this.#ask(user, purpose, this.#generation).finally(() => this.#asking.delete(key));
    this.#asking.set(key, asked);
    return asked;
  }

  /** `xml_flush_cache id USER DOMAIN`; without a user, everybody. Returns how many were dropped. */
  flush(user?: string): number {
    this.#generation += 1;
    let dropped = 0;
    for (const [key, { user: entry }] of this.#cache) {
      if (user !== undefined && key !== user && entry.id !== user && entry.numberAlias !== user) continue;
      this.#cache.delete(key);
      dropped += 1;
    }
    return dropped;
  }

  async #ask(user: string, purpose: Purpose, generation: number): Promise<Lookup> {
    for (const url of this.#options.urls) {
      const xml = await this.#post(url, user, purpose);
      if (xml === undefined) continue;
      const found = parseDirectory(xml);
      if (!found) return { found: undefined, why: "nobody" };
      if (found.cacheMs > 0 && generation === this.#generation) this.#keep(user, found);
      return { found };
    }
    this.#options.log("directory-unreachable", { user, urls: this.#options.urls.length });
    return { found: undefined, why: "unreachable" };
  }

  async #post(url: string, user: string, purpose: Purpose): Promise<string | undefined> {
    const { domain, password } = this.#options;
    try {
      const answer = await fetch(url, {
        method: "POST",
        headers: { authorization: `Basic ${Buffer.from(`switch:${password}`).toString("base64")}` },
        body: new URLSearchParams({ section: "directory", tag_name: "domain", key_name: "name", key_value: domain, user, domain, action: purpose }),
        signal: AbortSignal.timeout(bounds.directoryMs),
        redirect: "error",
      });
      if (!answer.ok) {
        this.#options.log("directory-refused", { url, status: answer.status });
        await answer.body?.cancel();
        return undefined;
      }
      return await bounded(answer);
    } catch {
      // The next address is tried; when none answers, that is logged once.
      return undefined;
    }
  }

  #keep(asked: string, user: DirectoryUser): void {
    const until = (this.#options.now ?? Date.now)() + user.cacheMs;
    this.#cache.set(asked, { user, until });
    for (const oldest of this.#cache.keys()) {
      if (this.#cache.size <= bounds.directoryEntries) break;
      this.#cache.delete(oldest);
    }
  }
}

async function bounded(answer: Response): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (!answer.body) return "";
  for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > bounds.directoryBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
