import { createHash, createHmac, randomBytes, randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import { setTimeout as after } from "node:timers/promises";
import { closeCodes, limits, type Device, type EventName, type Permission } from "../../protocol/wire.ts";
import type { Logger } from "../log.ts";
import type { Change } from "../store/database.ts";
import type { SessionRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { Broadcasts } from "./broadcasts.ts";
import type { Connection } from "./connection.ts";
import { packHandOver, RecentEvents, unpackHandOver, type Frozen } from "./hand-over.ts";
import { Session, type Identity } from "./session.ts";

/** Milliseconds that somebody stays online without a socket: a page that reloads is not gone. */
const graceMs = 5_000;
/** A server counts as alive from one heartbeat to well behind the next. */
const heartbeatMs = 10_000;
const aliveMs = 25_000;
const expiryMs = limits.sessionGraceSeconds * 1_000;
/** Sessions that are told of a broadcast in one turn of the event loop: about a millisecond. */
const toldAtOnce = 250;
/** How long another server may take to hand a session over: one that may be dead, and one that is running. */
const handOverMs = 1_000;
const busyHandOverMs = 5_000;

interface SessionsEvents {
  /** Who of these is online may have changed. */
  online: [users: readonly string[]];
  /** Devices of somebody came or went, on any server. */
  devices: [user: string];
  /** These SIP names are no longer good for anything. */
  revoked: [sipUsers: string[]];
}

interface Options {
  store: Store;
  log: Logger;
  domain: string;
  /** What tells this server from others. */
  server: string;
  /** A secret of the stack that every release shares: passwords of SIP accounts follow from it. */
  key: string;
  /** Digest of the people of whom everybody has been told; none while somebody has still to be told of. */
  peopleTold(): string | undefined;
  /** What somebody may do, also by an API token. */
  permissionsOf(user: string, apiToken: string | null): ReadonlySet<Permission>;
}

/** Sessions of this server, and in the database those of every server. */
export class Sessions extends EventEmitter<SessionsEvents> {
  readonly recent = new RecentEvents();
  readonly #options: Options;
  readonly #store: Store;
  readonly #sessions = new Map<string, Session>();
  readonly #byUser = new Map<string, Set<Session>>();
  readonly #broadcasts = new Broadcasts();
  /** Who has still to be told of a broadcast. */
  #toTell: Iterator<Session> | undefined;
  readonly #awaited = new Map<string, () => void>();
  #online = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: Options) {
    super();
    this.#options = options;
    this.#store = options.store;
    this.#store.on("changed", (change) => this.#hear(change));
    this.#store.on("refresh", () => void this.#attempt(Promise.all([this.refresh(), this.#dropStrays()])));
  }

  async start(): Promise<void> {
    await this.#store.sessions.beat(this.#options.server, Date.now() + aliveMs);
    await this.refresh();
    this.#timer = setInterval(() => void this.#attempt(this.#beat()), heartbeatMs);
  }

  get all(): IterableIterator<Session> {
    return this.#sessions.values();
  }

  get size(): number {
    return this.#sessions.size;
  }

  get(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  /** Sessions of somebody at this server. */
  of(user: string): Iterable<Session> {
    return this.#byUser.get(user) ?? [];
  }

  online(): ReadonlySet<string> {
    return this.#online;
  }

  /** Begins a session; the person's oldest gives way when there are too many. */
  async begin(user: string, connection: Connection, apiToken: string | null): Promise<Session> {
    const now = Date.now();
    const identity: Identity = { id: randomUUID(), user, sipUser: `${user}~${randomBytes(6).toString("hex")}`, createdAt: now, apiToken };
    const resumeToken = randomBytes(32).toString("base64url");
    const removed = await this.#store.sessions.add({
      ...identity, tokenHash: hashOf(resumeToken), name: connection.client, home: this.#options.server, onlineUntil: 0, expiresAt: now + expiryMs,
    }, limits.socketsPerPerson);
    for (const { id } of removed) this.#drop(id, closeCodes.tooMany, "too many sessions of this person");
    if (removed.length > 0) this.emit("revoked", removed.map(({ sipUser }) => sipUser));
    const session = this.#make(identity, resumeToken);
    this.#attach(session, connection);
    return session;
  }

  /**
   * Takes up a session by its token, also one that another server has.
   *
   * @returns the session with its socket, the events that were missed on their way; `whole`: none is wanting; `knewPeople`: with these, its
   *   device knows everybody as this server does. Undefined: the session is over
   */
  async resume(token: string, lastSeq: number, connection: Connection): Promise<{ session: Session; whole: boolean; knewPeople: boolean } | undefined> {
    const row = await this.#store.sessions.byToken(hashOf(token));
    if (!row || (!row.connected && row.expiresAt < Date.now())) return undefined;
    const { server } = this.#options;
    const known = this.#sessions.get(row.id);
    if (known && row.home === server) {
      if (!known.connected && !await this.#store.sessions.adopt(row.id, server, connection.client)) return undefined;
      return { session: known, whole: this.#attach(known, connection, lastSeq), knewPeople: true };
    }
    // It went to another server and comes back now.
    this.#drop(row.id, closeCodes.replaced, "the session goes on in a newer socket");
    const frozen = await this.#fetch(row);
    if (!await this.#store.sessions.adopt(row.id, server, connection.client)) return undefined;
    // Another socket of the same device may have been quicker meanwhile.
    const session = this.#sessions.get(row.id) ?? this.#make(row, token, frozen);
    if (frozen) for (const { name, data } of this.recent.missed(row, frozen)) session.send(name, data);
    const whole = this.#attach(session, connection, lastSeq) && frozen !== undefined;
    return { session, whole, knewPeople: frozen?.people !== undefined && frozen.people === this.#options.peopleTold() };
  }

  /** Its socket went; it may come back. */
  release(session: Session, connection: Connection): void {
    if (!session.detach(connection)) return;
    const now = Date.now();
    void this.#attempt(this.#store.sessions.release(session.id, this.#options.server, now + graceMs, now + expiryMs));
    setTimeout(() => void this.#attempt(this.#look(session.user, true)), graceMs + 50).unref();
    this.emit("devices", session.user);
  }

  /** Signs a device of somebody's out, whichever server has it; false when there is none. Its socket may stay, for another sign-in. */
  async end(user: string, id: string, socket: "close" | "stay" = "close"): Promise<boolean> {
    const sipUser = await this.#store.sessions.remove(id, user);
    const session = this.#sessions.get(id);
    if (session && session.user === user) {
      this.#forget(session);
      if (socket === "close") session.connection?.close(closeCodes.unauthorized, "signed out");
    }
    if (sipUser === undefined) return false;
    this.emit("revoked", [sipUser]);
    await this.#look(user);
    this.emit("devices", user);
    return true;
  }

  /** Signs out every device of somebody's but one. */
  async endAll(user: string, except?: string): Promise<void> {
    for (const { id } of await this.#store.sessions.of(user, Date.now())) if (id !== except) await this.end(user, id);
  }

  async devicesOf(user: string): Promise<Device[]> {
    const rows = await this.#store.sessions.of(user, Date.now());
    return rows.map(({ id, name, connected, createdAt }) => ({ id, name, connected: connected || this.#sessions.get(id)?.connected === true, since: createdAt }));
  }

  /** Who has a session at this server. */
  get users(): Iterable<string> {
    return this.#byUser.keys();
  }

  /** Tells somebody, on every device that is at this server. */
  tell(user: string, name: EventName, data: string): void {
    this.recent.note(user, name, data);
    for (const session of this.of(user)) session.send(name, data);
  }

  /** Tells everybody who is at this server; thousands not in one turn of the event loop, in which a call would have to wait for all of them. */
  tellAll(name: EventName, data: string): void {
    this.#broadcasts.add(name, data);
    const isUnderWay = this.#toTell !== undefined;
    this.#toTell = this.#sessions.values();
    if (!isUnderWay) this.#tellSome();
  }

  #tellSome(): void {
    for (let left = toldAtOnce; left > 0; left--) {
      const next = this.#toTell!.next();
      if (next.done) return void (this.#toTell = undefined);
      next.value.catchUp();
    }
    setImmediate(() => this.#tellSome());
  }

  /** The public id of the device that has a SIP account. */
  async deviceOf(account: string): Promise<string | undefined> {
    return (await this.#store.sessions.bySipUser(account))?.id;
  }

  /** The SIP account of a device of somebody's, at whichever server. */
  async accountOf(user: string, device: string): Promise<string | undefined> {
    const row = this.#sessions.get(device) ?? await this.#store.sessions.byId(device);
    return row?.user === user ? row.sipUser : undefined;
  }

  /**
   * Stops telling these sessions anything and leaves what they missed for the next server, on the disk when this resolves. Their sockets are
   * still open: closing them is what makes the devices go there. Their people stay online until this server counts as dead: thousands are not
   * all back within the moment that a reload takes, and would be seen to go and come by everybody.
   */
  async handOver(sessions: readonly Session[]): Promise<void> {
    if (sessions.length === 0) return;
    const people = this.#options.peopleTold();
    const states = sessions.map((session) => ({ session: session.id, state: packHandOver(session.freeze(people)) }));
    for (const session of sessions) {
      this.#forget(session);
      session.leave();
    }
    await this.#store.sessions.handOver(states);
  }

  /** Counts as alive for as long as a server may be silent: so long have those to come back who were sent away. */
  async linger(): Promise<void> {
    await this.#store.sessions.beat(this.#options.server, Date.now() + aliveMs);
  }

  /** The password of a session's SIP account: the same on every server, and in no database. */
  sipPassword(sessionId: string): string {
    return createHmac("sha256", this.#options.key).update(`sip ${sessionId}`).digest("base64url");
  }

  /** What the switch authenticates with. (RFC 2617, H(A1)) */
  a1Hash(sessionId: string, sipUser: string): string {
    return createHash("md5").update(`${sipUser}:${this.#options.domain}:${this.sipPassword(sessionId)}`).digest("hex");
  }

  /** Looks again at who is online, on every server. */
  async refresh(): Promise<void> {
    const before = this.#online;
    this.#online = new Set(await this.#store.sessions.online(Date.now()));
    for (const session of this.#sessions.values()) if (session.connected) this.#online.add(session.user);
    const changed = [...[...before].filter((user) => !this.#online.has(user)), ...[...this.#online].filter((user) => !before.has(user))];
    if (changed.length > 0) this.emit("online", changed);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #make(identity: Identity, resumeToken: string, before?: Frozen): Session {
    const session = new Session(identity, resumeToken, () => this.#options.permissionsOf(identity.user, identity.apiToken), this.#broadcasts, before);
    this.#sessions.set(session.id, session);
    const siblings = this.#byUser.get(session.user);
    if (siblings) siblings.add(session);
    else this.#byUser.set(session.user, new Set([session]));
    return session;
  }

  /** @returns whether nothing is wanting of what its device has missed since `lastSeq` */
  #attach(session: Session, connection: Connection, lastSeq?: number): boolean {
    session.attach(connection)?.close(closeCodes.replaced, "the session goes on in a newer socket");
    // Before anybody hears of it: what they are told then this device is told, too, and after what it has missed.
    const isWhole = lastSeq === undefined || session.replay(lastSeq);
    if (!this.#online.has(session.user)) {
      this.#online.add(session.user);
      this.emit("online", [session.user]);
    }
    this.emit("devices", session.user);
    return isWhole;
  }

  /** What a session missed, from the server that has it or had it. */
  async #fetch({ id, home }: SessionRow): Promise<Frozen | undefined> {
    const { sessions } = this.#store;
    const left = await sessions.takeHandOver(id);
    if (left !== undefined) return unpackHandOver(left);
    if (home === "" || home === this.#options.server || !await sessions.isAlive(home)) return undefined;
    const handedOver = new Promise<true>((resolve) => this.#awaited.set(id, () => resolve(true)));
    const within = (milliseconds: number) => Promise.race([handedOver, after(milliseconds, false)]);
    try {
      await sessions.askForHandOver(id);
      if (!await within(handOverMs) && await sessions.isRunning(home)) await within(busyHandOverMs - handOverMs);
    } finally {
      this.#awaited.delete(id);
    }
    return unpackHandOver(await sessions.takeHandOver(id));
  }

  #hear({ topic, key }: Change): void {
    if (topic === "online") {
      void this.#attempt(this.#look(key));
      this.emit("devices", key);
    } else if (topic === "moved") this.#drop(key, closeCodes.replaced, "the session goes on at another server");
    else if (topic === "session") this.#drop(key, closeCodes.unauthorized, "signed out");
    else if (topic === "handedOver") this.#awaited.get(key)?.();
    else if (topic === "handover") {
      const session = this.#sessions.get(key);
      const connection = session?.connection;
      if (session) void this.#attempt(this.handOver([session]).then(() => connection?.close(closeCodes.replaced, "the session goes on at another server")));
    }
  }

  /** Looks at one person; when nobody is left, the other servers are to look, too. */
  async #look(user: string, tellOthers = false): Promise<void> {
    const isOnline = await this.#store.sessions.isOnline(user, Date.now());
    if (isOnline === this.#online.has(user)) return;
    if (isOnline) this.#online.add(user);
    else this.#online.delete(user);
    this.emit("online", [user]);
    if (tellOthers) await this.#store.sessions.tellOnline(user);
  }

  /** News was interrupted: what was ended or moved elsewhere meanwhile is no longer ours. */
  async #dropStrays(): Promise<void> {
    const asked = Date.now();
    const ours = new Set(await this.#store.sessions.atHome(this.#options.server));
    for (const { id, createdAt } of this.#sessions.values()) if (!ours.has(id) && createdAt < asked) this.#drop(id, closeCodes.unauthorized, "the session has ended");
  }

  async #beat(): Promise<void> {
    const now = Date.now();
    this.recent.sweep(now);
    await this.#store.sessions.beat(this.#options.server, now + aliveMs);
    for (const session of this.#sessions.values()) if (!session.connected && session.detachedAt + expiryMs < now) this.#forget(session);
    const expired = await this.#store.sessions.removeExpired(now, expiryMs);
    for (const { id } of expired) this.#drop(id, closeCodes.unauthorized, "the session has ended");
    if (expired.length > 0) this.emit("revoked", expired.map(({ sipUser }) => sipUser));
    await this.refresh();
  }

  /** Forgets a session that is over in the database. */
  drop(id: string, reason: string): void {
    const session = this.#sessions.get(id);
    if (session) this.emit("revoked", [session.sipUser]);
    this.#drop(id, closeCodes.unauthorized, reason);
  }

  #drop(id: string, code: number, reason: string): void {
    const session = this.#sessions.get(id);
    if (!session) return;
    this.#forget(session);
    session.connection?.close(code, reason);
  }

  #forget(session: Session): void {
    if (this.#sessions.get(session.id) === session) this.#sessions.delete(session.id);
    const siblings = this.#byUser.get(session.user);
    siblings?.delete(session);
    if (siblings?.size === 0) this.#byUser.delete(session.user);
  }

  /** What nobody waits for may fail: it is said, and the next heartbeat looks again. */
  async #attempt(work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#options.log.error({ reason: (error as Error).message }, "sessions could not be written or read");
    }
  }
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}
