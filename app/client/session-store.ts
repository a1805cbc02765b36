import { z } from "zod";
import { sipAccount } from "../protocol/wire.ts";
import type { SipAccount } from "../protocol/wire.ts";

const stored = z.object({
  token: z.string().min(1).max(200),
  lastSeq: z.number().int().nonnegative(),
  /** So that the next page registers while its control connection still opens; good for as long as the session. */
  sip: sipAccount.optional(),
  servers: z.array(z.string().regex(/^wss?:\/\//).max(500)).max(20).optional(),
});

/** What a page needs to take its session up again after a reload. */
export interface StoredSession {
  token: string;
  lastSeq: number;
  sip?: SipAccount | undefined;
  /** URLs of the application servers, the one that has the session first. */
  servers?: string[] | undefined;
}

export interface SessionStore {
  load(): StoredSession | undefined;
  save(session: StoredSession): void;
  clear(): void;
}

/** Keeps the session in one key of a `Storage`; `sessionStorage` ends with the tab, so nobody finds a token later. */
export function webStorage(storage: Storage, key = "houseline.session"): SessionStore {
  return {
    load() {
      try {
        return stored.parse(JSON.parse(storage.getItem(key) ?? "null"));
      } catch {
        return undefined;
      }
    },
    save(session) {
      storage.setItem(key, JSON.stringify(session));
    },
    clear() {
      storage.removeItem(key);
    },
  };
}

/** For a page that may not store anything, and for tests. */
export function memoryStore(): SessionStore {
  let kept: StoredSession | undefined;
  return {
    load: () => kept,
    save: (session) => {
      kept = session;
    },
    clear: () => {
      kept = undefined;
    },
  };
}
