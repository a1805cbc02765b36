import { createHash, createHmac, randomBytes, randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import { closeCodes, limits } from "../../protocol/wire.ts";
import type { Store } from "../store/store.ts";
import type { Connection } from "./connection.ts";
import { Session } from "./session.ts";

/** Milliseconds that somebody stays "available" without a socket: a page that reloads is not gone. */
const graceMs = 5_000;
/** How long a session counts as online from one heartbeat to the next. */
const heartbeatMs = 10_000;
const onlineMs = 25_000;
const expiryMs = limits.sessionGraceSeconds * 1_000;

interface SessionsEvents {
  /** Who is online may have changed. */
  online: [];
  /** These SIP names are no longer good for anything. */
  revoked: [sipUsers: string[]];
}

/** Sessions of this server, and in the database those of every release. */
export class Sessions extends EventEmitter<SessionsEvents> {
  readonly #store: Store;
  readonly #key: string;
  readonly #domain: string;
  readonly #sessions = new Map<string, Session>();
  readonly #timer: NodeJS.Timeout;
  #online: Set<string>;
  /** Sessions of this server whose socket went a moment ago. */
  readonly #graceUntil = new Map<string, number>();

  /** @param key a secret of the stack that every release shares: passwords of SIP accounts follow from it */
  constructor(store: Store, key: string, domain: string) {
    super();
    this.#store = store;
    this.#key = key;
    this.#domain = domain;
    this.#online = new Set(store.onlineUsers(Date.now()));
    this.#timer = setInterval(() => this.#beat(), heartbeatMs);
  }

  get all(): readonly Session[] {
    return [...this.#sessions.values()];
  }

  online(): ReadonlySet<string> {
    return this.#online;
  }

  of(user: string): Session[] {
    return this.all.filter((session) => session.user === user);
  }

  /** Begins a session; the person's oldest gives way when there are too many. */
  begin(user: string, connection: Connection): Session {
    while (this.#store.sessionsOf(user) >= limits.socketsPerPerson) {
      const sipUser = this.#store.deleteOldestSession(user);
      if (sipUser === undefined) break;
      const old = this.all.find((session) => session.sipUser === sipUser);
      if (old) this.#forget(old, closeCodes.tooMany, "too many sessions of this person");
      this.emit("revoked", [sipUser]);
    }
    const session = new Session(randomUUID(), user, `${user}~${randomBytes(6).toString("hex")}`, randomBytes(32).toString("base64url"), 0);
    const now = Date.now();
    this.#store.putSession({ id: session.id, user, tokenHash: hashOf(session.resumeToken), sipUser: session.sipUser, createdAt: now, onlineUntil: now + onlineMs, expiresAt: now + expiryMs });
    session.onlineUntil = now + onlineMs;
    this.#sessions.set(session.id, session);
    session.attach(connection);
    this.refresh();
    return session;
  }

  /** Takes up a session by its token, also one that another release began; returns the socket that it replaces. */
  resume(token: string, connection: Connection): { session: Session; replaced: Connection | undefined } | undefined {
    const row = this.#store.sessionByToken(hashOf(token));
    if (!row || row.expiresAt < Date.now()) return undefined;
    let session = this.#sessions.get(row.id);
    if (!session) this.#sessions.set(row.id, session = new Session(row.id, row.user, row.sipUser, token, 0));
    const replaced = session.attach(connection);
    this.#graceUntil.delete(session.id);
    const now = Date.now();
    session.onlineUntil = now + onlineMs;
    this.#store.touchSessions([session.id], session.onlineUntil, now + expiryMs);
    this.refresh();
    return { session, replaced };
  }

  /** Its socket went; it may come back. */
  release(session: Session, connection: Connection): void {
    if (!session.detach(connection)) return;
    const now = Date.now();
    this.#graceUntil.set(session.id, now + graceMs);
    this.#store.releaseSession(session.id, now + graceMs, now + expiryMs, session.onlineUntil);
    setTimeout(() => this.refresh(), graceMs + 50).unref();
  }

  /** Signs out. */
  end(session: Session): void {
    this.#store.deleteSession(session.id);
    this.#sessions.delete(session.id);
    this.#graceUntil.delete(session.id);
    this.emit("revoked", [session.sipUser]);
    this.refresh();
  }

  /** The password of a session's SIP account: the same on every release, and in no database. */
  sipPassword(sessionId: string): string {
    return createHmac("sha256", this.#key).update(`sip ${sessionId}`).digest("base64url");
  }

  /** What the switch authenticates with. (RFC 2617, H(A1)) */
  a1Hash(sessionId: string, sipUser: string): string {
    return createHash("md5").update(`${sipUser}:${this.#domain}:${this.sipPassword(sessionId)}`).digest("hex");
  }

  /** Looks again at who is online, on every release. */
  refresh(): void {
    this.#online = new Set(this.#store.onlineUsers(Date.now()));
    this.emit("online");
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #beat(): void {
    const now = Date.now();
    const connected = this.all.filter((session) => session.connected);
    for (const session of connected) session.onlineUntil = now + onlineMs;
    this.#store.touchSessions(connected.map(({ id }) => id), now + onlineMs, now + expiryMs);
    for (const session of this.all) {
      // Nobody came back; or another release has it by now.
      if (!session.connected && (this.#graceUntil.get(session.id) ?? now) + expiryMs < now) this.#forget(session);
    }
    const revoked = this.#store.deleteExpiredSessions(now);
    if (revoked.length > 0) this.emit("revoked", revoked);
    this.refresh();
  }

  #forget(session: Session, code?: number, reason = ""): void {
    this.#sessions.delete(session.id);
    this.#graceUntil.delete(session.id);
    if (code !== undefined) session.connection?.close(code, reason);
  }
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}
