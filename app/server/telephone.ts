import { randomUUID } from "node:crypto";
import { permissionsNeeded, type Call, type EventData, type EventName, type Params, type Permission, type RequestName, type Result } from "../protocol/wire.ts";
import { ApiTokens } from "./api-tokens.ts";
import type { TrackedCall } from "./calls/call.ts";
import type { Calls } from "./calls/calls.ts";
import { Telephony } from "./calls/telephony.ts";
import type { Config } from "./config.ts";
import { Drain } from "./drain.ts";
import { History } from "./history.ts";
import { JwtVerifier } from "./jwt.ts";
import type { Logger } from "./log.ts";
import { Messages } from "./messages.ts";
import { Move } from "./move.ts";
import { Newcomers } from "./newcomers.ts";
import { People } from "./people.ts";
import { PeopleIndex } from "./people-index.ts";
import { PresenceFeed } from "./presence-feed.ts";
import { Profiles } from "./profiles.ts";
import type { Asking } from "./requests/handlers.ts";
import { historyRequests } from "./requests/history.ts";
import { messageRequests } from "./requests/messages.ts";
import { openingRequests, type OpeningRequest } from "./requests/opening.ts";
import { peopleRequests } from "./requests/people.ts";
import { Rooms } from "./rooms.ts";
import { type Connection, RequestError } from "./sessions/connection.ts";
import type { Session } from "./sessions/session.ts";
import { Sessions } from "./sessions/sessions.ts";
import { SignIn } from "./sign-in.ts";
import { Snapshots } from "./snapshots.ts";
import type { Store } from "./store/store.ts";
import { Switches } from "./switch/switches.ts";
import { Turn } from "./turn.ts";

/** Changes of somebody's own are told together when they come this close to each other. */
const togetherMs = 50;
const sweepMs = 3_600_000;
/** How soon a switch that was made to forget somebody knows them again. */
const introduceMs = 5_000;

/** The telephone: people, their sessions, their calls, and the switches that these are in. Each part is a file of its own; here they are joined. */
export class Telephone {
  /** What tells this server from others: also the holder of its leases. */
  readonly server: string;
  readonly store: Store;
  readonly people: People;
  readonly sessions: Sessions;
  readonly telephony: Telephony;
  readonly calls: Calls;
  readonly switches: Switches;
  readonly history: History;
  readonly messages: Messages;
  readonly profiles: Profiles;
  readonly snapshots: Snapshots;
  readonly tokens: ApiTokens;
  readonly newcomers: Newcomers;
  readonly signIn: SignIn;
  readonly rooms: Rooms;
  readonly index: PeopleIndex;
  readonly #turn: Turn;
  readonly #log: Logger;
  readonly #drain: Drain;
  readonly #move = new Move((session) => { if (this.sessions.get(session.id) === session) this.#tellAccount(session); });
  readonly #opening: ReturnType<typeof openingRequests>;
  readonly #handlers: Partial<Record<RequestName, (asking: Asking, params: never) => unknown>>;
  readonly #byConnection = new WeakMap<Connection, Session>();
  readonly #profilesToTell = new Set<string>();
  readonly #devicesToTell = new Set<string>();
  readonly #presence = new PresenceFeed((person) => this.tellAll("person", { person }), () => this.sessions.size);
  readonly #lastUsers = new WeakMap<TrackedCall, ReadonlySet<string>>();
  readonly #toldOfSeveral = new Set<string>();
  #sweep: NodeJS.Timeout | undefined;
  #introducing: NodeJS.Timeout | undefined;
  #renewing: NodeJS.Timeout | undefined;

  constructor(config: Config, store: Store, log: Logger, server: string = randomUUID()) {
    this.server = server;
    this.store = store;
    this.#log = log;
    this.people = new People(store, log);
    this.tokens = new ApiTokens(store, config.adminToken, log);
    this.sessions = new Sessions({ store, log, domain: config.domain, server, key: config.directoryPassword, peopleTold: () => (this.#presence.isIdle ? this.people.list().digest : undefined), permissionsOf: (user, apiToken) => this.#permissionsOf(user, apiToken) });
    this.switches = new Switches(config, log);
    this.rooms = new Rooms(store, log);
    this.index = new PeopleIndex(this.people);
    this.telephony = this.#telephony(config.domain);
    this.calls = this.telephony.calls;
    this.profiles = new Profiles(store, this.people);
    this.history = new History(store, (user) => this.profileChanged(user));
    this.messages = new Messages({ store, tell: (user, name, data) => this.tell(user, name, data), profileChanged: (user) => this.profileChanged(user) });
    this.#turn = new Turn(config.turn);
    this.snapshots = new Snapshots({ ...this.parts, turn: this.#turn, domain: config.domain, servers: config.servers });
    this.newcomers = new Newcomers(this.people, config.jwt.extensions, log);
    this.signIn = new SignIn({ people: this.people, tokens: this.tokens, jwt: new JwtVerifier(config.jwt, config.domain), newcomers: this.newcomers, log });
    this.#drain = new Drain(this.sessions, log);
    this.#opening = openingRequests({ ...this.parts, signIn: this.signIn, drain: this.#drain, log, adopt: (connection, session) => this.#adopt(connection, session) });
    this.#handlers = {
      ...peopleRequests({ ...this.parts, profileChanged: (user) => this.profileChanged(user) }), ...messageRequests(this.parts), ...historyRequests(this.history, this.people),
      ...this.telephony.handlers, ping: () => ({}), logout: ({ id }) => this.#logout(this.sessions.get(id)),
    };
    this.#join();
  }

  /** Reads what is kept. */
  async load(demoPassword: string): Promise<void> {
    await this.people.load();
    await this.people.seedDemo(demoPassword);
    await this.tokens.load();
    await this.rooms.load();
    await this.messages.start();
    await this.sessions.start();
    await this.store.removeOld(Date.now());
    this.#sweep = setInterval(() => void this.store.removeOld(Date.now()).catch((error: Error) => this.#log.warn({ reason: error.message }, "old rows were not removed")), sweepMs);
    this.#renewing = this.#turn.renew(() => this.sessions.all, (session) => this.#tellAccount(session));
    this.#introducing = setInterval(() => this.#introduce([...this.sessions.all]), introduceMs);
  }

  /** Connects to the switches. */
  start(): void {
    this.switches.start();
  }

  get draining(): boolean {
    return this.#drain.begun;
  }

  /** Answers a request of the protocol, once its parameters have been checked. */
  readonly handle = async (connection: Connection, name: RequestName, params: never): Promise<unknown> => {
    if (name === "ping") return {};
    if (name in this.#opening) return this.#opening[name as OpeningRequest](connection, params);
    const session = this.#byConnection.get(connection);
    if (!session) throw new RequestError("unauthorized", "Sign in first.");
    // Handed over already, and this socket is about to be closed: nothing was done, and it may be asked for there again.
    if (session.connection !== connection) throw new RequestError("unavailable", "The session goes on in another socket: ask again there.");
    const permission = permissionsNeeded(name, params).find((one) => !session.may(one));
    if (permission !== undefined) throw new RequestError("forbidden", `'${name}' needs the permission '${permission}', which this sign-in doesn't have.`);
    const handler = this.#handlers[name];
    if (!handler) throw new RequestError("bad-request", `This server doesn't answer '${name}' yet.`);
    return handler(session, params);
  };

  /** Runs a command for somebody who gave it by another way than a socket. */
  readonly command = async <Name extends RequestName>(name: Name, asking: Asking, params: Params<Name>): Promise<Result<Name>> => {
    const handler = this.#handlers[name];
    if (!handler) throw new RequestError("unavailable", `This server can't do '${name}' yet.`);
    return await handler(asking, params as never) as Result<Name>;
  };

  /** A socket has closed. */
  readonly onClosed = (connection: Connection): void => {
    const session = this.#byConnection.get(connection);
    if (session) this.sessions.release(session, connection);
  };

  /** Sends everybody to another release, not all at the same moment; ends when nobody is left. */
  drain(): Promise<void> {
    return this.#drain.run();
  }

  close(): void {
    clearInterval(this.#sweep);
    clearInterval(this.#introducing);
    clearInterval(this.#renewing);
    this.#presence.close();
    this.telephony.close();
    this.sessions.close();
    this.switches.close();
  }

  #telephony(domain: string): Telephony {
    const { people, sessions, store, switches, rooms } = this;
    return new Telephony({
      switches, domain, rooms, leases: store, holder: this.server, log: this.#log,
      directory: { find: (address) => people.find(address), doNotDisturb: (user) => people.doNotDisturb(user), room: (name) => rooms.party(name) },
      may: (user, permission) => people.permissionsOf(user).has(permission),
      deviceOf: async (account) => (await store.sessions.bySipUser(account))?.id,
      accountOf: async (user, device) => {
        const session = sessions.get(device) ?? await store.sessions.byId(device);
        return session?.user === user ? session.sipUser : undefined;
      },
      ask: (wish, user, device, call, home) => {
        const session = sessions.get(device);
        if (session?.user !== user) return false;
        if (wish === "answer") session.emit("answerCall", { call });
        else if (wish === "line") session.emit("line", { sip: this.snapshots.accountAt(home, session) });
        else session.emit("holdCall", { call, on: wish === "hold" });
        return true;
      },
      history: { lastCalled: (user) => this.history.lastCalled(user) },
    });
  }

  /** Tells somebody on all of their devices at this server. What happens in a switch every server sees by itself. */
  tell<Name extends EventName>(user: string, name: Name, data: EventData<Name>): void {
    this.sessions.tell(user, name, JSON.stringify(data));
  }

  tellAll<Name extends EventName>(name: Name, data: EventData<Name>): void {
    this.sessions.tellAll(name, JSON.stringify(data));
  }

  /** Something of somebody's own is otherwise than before: their devices at this server are told. */
  profileChanged(user: string): void {
    this.#soon(this.#profilesToTell, user, async () => {
      const profile = await this.profiles.of(user);
      if (profile) this.tell(user, "profile", { profile });
    });
  }

  /** A role's permissions; through an API token no more than it was made for. */
  #permissionsOf(user: string, apiToken: string | null): ReadonlySet<Permission> {
    const permissions = this.people.permissionsOf(user);
    return apiToken === null ? permissions : new Set(this.tokens.scopesOf(apiToken)?.filter((scope) => permissions.has(scope)));
  }

  /** News from the other servers was interrupted; one after the other, since it may be thousands. */
  async #tellProfiles(): Promise<void> {
    for (const user of [...this.sessions.users]) {
      const profile = await this.profiles.of(user).catch(() => undefined);
      if (profile) this.tell(user, "profile", { profile });
    }
  }

  get parts() {
    const { index, rooms, people, sessions, calls, switches, profiles, history, messages, snapshots, store } = this;
    return { index, rooms, people, sessions, calls, switches, profiles, history, messages, snapshots, store };
  }

  #join(): void {
    const { people, sessions, calls, switches, rooms } = this;
    people.watch({ online: () => sessions.online(), inCall: (user) => calls.presenceOf(user), forget: (address) => switches.forget(address) });
    people.on("changed", (person) => this.#presence.changed(person));
    people.on("removed", (user) => {
      this.#presence.removed(user);
      this.tellAll("personRemoved", { user });
      for (const session of [...sessions.of(user)]) sessions.drop(session.id, "this person was removed");
    });
    people.on("profile", (user) => this.profileChanged(user));
    this.store.on("refresh", () => void this.#tellProfiles());
    rooms.on("stale", (keys) => keys.forEach((key) => void switches.forget(key)));
    sessions.on("online", (users) => people.refresh(...users));
    sessions.on("devices", (user) => this.#devicesChanged(user));
    sessions.on("revoked", (sipUsers) => sipUsers.forEach((user) => void switches.forget(user)));
    calls.on("changed", (call) => this.#onCall(call));
    calls.on("left", (call, user) => this.#onLeft(call, user));
    calls.on("conference", (conference) => {
      const room = this.telephony.roomOf(conference);
      if (room) this.tellAll("room", { room });
    });
    switches.on("chosen", (isGone) => void this.#move.begin([...sessions.all], isGone));
    switches.on("registered", (home, { account }) => { if (home === switches.chosen) this.#move.arrived(account); });
  }

  /** Has every switch look up who is signed in, by each of their names, for as long as no application server may run. */
  #introduce(sessions: readonly Session[]): void {
    this.switches.introduce(sessions.flatMap(({ user, sipUser }) => [sipUser, user, this.people.find(user)?.extension ?? []].flat()));
  }

  /** From now on this socket is the session's; a socket that signs in a second time leaves the session it had. */
  #adopt(connection: Connection, session: Session): void {
    const before = this.#byConnection.get(connection);
    if (before && before !== session) this.sessions.release(before, connection);
    this.#byConnection.set(connection, session);
    connection.signedIn();
    // It may have closed while the database was asked.
    if (!connection.isOpen) this.sessions.release(session, connection);
  }

  async #logout(session: Session | undefined): Promise<Record<string, never>> {
    if (!session) return {};
    const { connection } = session;
    if (connection) this.#byConnection.delete(connection);
    await this.sessions.end(session.user, session.id, "stay");
    this.#log.info({ user: session.user, session: session.id }, "signed out");
    return {};
  }

  #onCall(call: TrackedCall): void {
    const view = this.calls.view(call);
    const { users } = call;
    if (view) {
      const text = JSON.stringify({ call: view });
      for (const user of users) this.sessions.tell(user, "call", text);
      if (view.state === "ended") void this.#record(view);
    }
    // Whoever a transfer took out of the call is otherwise than before, too.
    if (users.size > 0) this.people.refresh(...users);
    const gone = [...this.#lastUsers.get(call) ?? []].filter((user) => !users.has(user));
    if (gone.length > 0) this.people.refresh(...gone);
    this.#lastUsers.set(call, users);
  }

  /** For whoever left a call that goes on, it is over. */
  #onLeft(call: TrackedCall, user: string): void {
    const view = call.viewOfDeparted(user);
    if (!view) return;
    this.tell(user, "call", { call: view });
    void this.#record(view, user);
  }

  async #record(call: Call, only?: string): Promise<void> {
    const { id, caller, callee, answeredAt, endedAt, reason } = call;
    this.#log.info({ call: id, caller: caller.user, callee: callee.user, reason, seconds: answeredAt === undefined ? 0 : Math.round((endedAt! - answeredAt) / 1_000) }, "call ended");
    try {
      await this.history.record(call, only);
    } catch (error) {
      this.#log.error({ call: id, reason: (error as Error).message }, "call could not be recorded");
    }
  }

  #tellAccount(session: Session): void {
    session.emit("sip", { sip: this.snapshots.account(session) });
  }

  #devicesChanged(user: string): void {
    // Somebody's only device knows itself.
    if ([...this.sessions.of(user)].length === 0) return;
    this.#soon(this.#devicesToTell, user, async () => {
      const devices = await this.sessions.devicesOf(user);
      if (devices.length > 1 || this.#toldOfSeveral.has(user)) this.tell(user, "devices", { devices });
      if (devices.length > 1) this.#toldOfSeveral.add(user);
      else this.#toldOfSeveral.delete(user);
    });
  }

  #soon(waiting: Set<string>, user: string, tell: () => Promise<void>): void {
    if (waiting.has(user)) return;
    waiting.add(user);
    setTimeout(() => {
      waiting.delete(user);
      if (![...this.sessions.of(user)].length) return;
      tell().catch((error: Error) => this.#log.warn({ user, reason: error.message }, "a change was not told"));
    }, togetherMs).unref();
  }
}
