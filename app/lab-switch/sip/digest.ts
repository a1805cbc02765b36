import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { bounds } from "../bounds.ts";

/** The fields of an Authorization or Proxy-Authorization header that count. */
export interface Credentials { username: string; realm: string; nonce: string; uri: string; response: string; qop: string; nc: string; cnonce: string }

const md5 = (text: string): string => createHash("md5").update(text).digest("hex");

export function a1Hash(user: string, realm: string, password: string): string {
  return md5(`${user}:${realm}:${password}`);
}

/** `undefined`: not digest, or not complete. */
export function parseCredentials(value: string): Credentials | undefined {
  if (!/^Digest\s/i.test(value) || value.length > 2_048) return undefined;
  const fields: Record<string, string> = {};
  for (const [, name = "", quotedValue, bare] of value.slice(7).matchAll(/([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))/g)) {
    fields[name.toLowerCase()] = quotedValue ?? bare ?? "";
  }
  const { username = "", realm = "", nonce = "", uri = "", response = "", qop = "", nc = "", cnonce = "", algorithm = "MD5" } = fields;
  if (algorithm.toUpperCase() !== "MD5" || username === "" || nonce === "" || !/^[0-9a-f]{32}$/.test(response)) return undefined;
  return { username, realm, nonce, uri, response, qop, nc, cnonce };
}

/** RFC 2617 section 3.2.2, with and without `qop=auth`. */
export function digestResponse(credentials: Omit<Credentials, "response" | "username" | "realm">, method: string, a1: string): string {
  const a2 = md5(`${method}:${credentials.uri}`);
  if (credentials.qop === "") return md5(`${a1}:${credentials.nonce}:${a2}`);
  return md5(`${a1}:${credentials.nonce}:${credentials.nc}:${credentials.cnonce}:${credentials.qop}:${a2}`);
}

export function matches(credentials: Credentials, method: string, a1: string): boolean {
  const expected = digestResponse(credentials, method, a1);
  return timingSafeEqual(Buffer.from(expected), Buffer.from(credentials.response));
}

/** The nonces of one socket: good on that socket only, for a while, and with a count that grows. */
export class Nonces {
  readonly #known = new Map<string, { until: number; lastCount: number }>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  challenge(realm: string, stale = false): string {
    const nonce = randomBytes(16).toString("hex");
    this.#known.set(nonce, { until: this.#now() + bounds.nonceSeconds * 1_000, lastCount: 0 });
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= bounds.noncesPerSocket) break;
      this.#known.delete(oldest);
    }
    return `Digest realm="${realm}", nonce="${nonce}", algorithm=MD5, qop="auth"${stale ? ", stale=true" : ""}`;
  }

  /** Whether these credentials answer a challenge of this socket that is still good; a count seen before is a replay. */
  accept(credentials: Credentials): boolean {
    const known = this.#known.get(credentials.nonce);
    if (!known) return false;
    if (known.until < this.#now()) {
      this.#known.delete(credentials.nonce);
      return false;
    }
    if (credentials.qop === "") {
      // Without a count a nonce is good once.
      this.#known.delete(credentials.nonce);
      return true;
    }
    const count = parseInt(credentials.nc, 16);
    if (credentials.qop !== "auth" || !(count > known.lastCount)) return false;
    known.lastCount = count;
    return true;
  }
}
