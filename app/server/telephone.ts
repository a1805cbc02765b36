import { closeCodes, roles, type Call, type EventData, type EventName, type Params, type Permission, type RequestName, type Result, type SipAccount } from "../protocol/wire.ts";
import type { TrackedCall } from "./calls/call.ts";
import type { Calls } from "./calls/calls.ts";
import { Telephony } from "./calls/telephony.ts";
import type { Config } from "./config.ts";
import type { Logger } from "./log.ts";
import { passwordMatches, pretendToCompare } from "./passwords.ts";
import { People } from "./people.ts";
import { RateLimit } from "./rate-limit.ts";
import { peopleRequests } from "./requests/people.ts";
import { type Connection, RequestError } from "./sessions/connection.ts";
import type { Session } from "./sessions/session.ts";
import { Sessions } from "./sessions/sessions.ts";
import { Switches } from "./switch/switches.ts";
import type { Store } from "./store/store.ts";

/** Calls that ended this recently are told to whoever comes back. */
const recentlyMs = 120_000;
const mostRecent = 20;
/** How soon what another release wrote is noticed. */
const watchMs = 500;
const goodbyeMs = 2_000;

/** The telephone: people, their sessions, their calls, and the switches that these are in. */
export class Telephone {
  readonly people: People;
  readonly sessions: Sessions;
  readonly telephony: Telephony;
  readonly calls: Calls;
  readonly switches: Switches;
  readonly #store: Store;
  readonly #domain: string;
  readonly #log: Logger;
  readonly #watch: NodeJS.Timeout;
  readonly #handlers: ReturnType<typeof peopleRequests> & Telephony["handlers"];
  readonly #byConnection = new WeakMap<Connection, Session>();
  readonly #perAccount = new RateLimit(5, 12_000);
  readonly #perAddress = new RateLimit(30, 2_000);
  #draining = false;

  constructor(config: Config, store: Store, log: Logger) {
    this.#store = store;
    this.#domain = config.domain;
    this.#log = log;
    this.people = new People(store, log);
    this.sessions = new Sessions(store, config.directoryPassword, config.domain);
    this.switches = new Switches(config, log);
    this.telephony = new Telephony({
      switches: this.switches, domain: config.domain, directory: this.people, log,
      may: (_, permission) => (roles.member as readonly Permission[]).includes(permission),
      deviceOf: (account) => store.sessionBySipUser(account)?.id,
      accountOf: (user, device) => this.sessions.of(user).find(({ id }) => id === device)?.sipUser,
      askToAnswer: (user, device, call) => this.sessions.of(user).find(({ id }) => id === device)?.emit("answerCall", { call }),
      history: { lastCalled: (user) => store.callsEndedSince(user, 0, mostRecent).find(({ caller }) => caller === user)?.callee },
    });
    this.calls = this.telephony.calls;
    this.#handlers = { ...peopleRequests(this.people), ...this.telephony.handlers };
    this.people.watch({ online: () => this.sessions.online(), inCall: (user) => this.calls.presenceOf(user) });
    this.people.on("changed", (person) => this.#tellAll("person", { person }));
    this.people.on("stale", (user) => this.switches.forget(user));
    this.sessions.on("online", () => this.people.refresh());
    this.sessions.on("revoked", (sipUsers) => sipUsers.forEach((user) => this.switches.forget(user)));
    this.calls.on("changed", (call) => this.#onCall(call));
    this.calls.on("left", (call, user) => this.#tellLeft(call, user));
    this.calls.on("conference", (conference) => {
      const room = this.telephony.roomOf(conference);
      if (room) this.#tellAll("room", { room });
    });
    this.switches.on("chosen", () => this.#onSwitch());
    this.#watch = setInterval(() => this.#look(), watchMs);
  }

  start(): void {
    this.switches.start();
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Answers a request of the protocol. */
  readonly handle = async (connection: Connection, name: RequestName, params: never): Promise<unknown> => {
    if (name === "login") return this.#login(connection, params);
    if (name === "resume") return this.#resume(connection, params);
    if (name === "ping") return {};
    const session = this.#byConnection.get(connection);
    if (!session) throw new RequestError("unauthorized", "Sign in first.");
    if (name === "logout") return this.#logout(connection, session);
    const handler = (this.#handlers as Partial<Record<RequestName, (session: Session, params: never) => unknown>>)[name];
    if (!handler) throw new RequestError("bad-request", `There is no request '${name}'.`);
    return handler(session, params);
  };

  /** A socket has closed. */
  readonly onClosed = (connection: Connection): void => {
    const session = this.#byConnection.get(connection);
    if (session) this.sessions.release(session, connection);
  };

  /** Sends everybody to another release, not all at the same moment; ends when nobody is left. */
  async drain(): Promise<void> {
    this.#draining = true;
    const waits = this.sessions.all.flatMap((session) => {
      const connection = session.connection;
      if (!connection) return [];
      const delayMs = Math.round(Math.random() * goodbyeMs);
      session.emit("goodbye", { delayMs });
      return [new Promise<void>((resolve) => setTimeout(() => {
        this.#afterRequests(connection).then(() => {
          connection.close(closeCodes.goingAway, "this release is going");
          resolve();
        });
      }, delayMs))];
    });
    await Promise.all(waits);
  }

  close(): void {
    clearInterval(this.#watch);
    this.telephony.close();
    this.sessions.close();
    this.switches.close();
  }

  async #afterRequests(connection: Connection): Promise<void> {
    for (const end = Date.now() + 3_000; connection.requestsInFlight > 0 && Date.now() < end;) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  async #login(connection: Connection, { user, password }: Params<"login">): Promise<Result<"login">> {
    if (this.#draining) throw new RequestError("unavailable", "This release of the server is going: come back at once.");
    const wait = Math.max(this.#perAddress.take(connection.address), this.#perAccount.take(user));
    if (wait > 0) throw new RequestError("too-many", `Too many attempts to sign in. Try again in ${Math.ceil(wait / 1_000)} seconds.`);
    const row = this.people.row(user);
    const matches = row ? await passwordMatches(password, row.password) : (await pretendToCompare(password), false);
    if (!matches) {
      this.#log.info({ user, address: connection.address }, "sign-in refused");
      throw new RequestError("unauthorized", "The user name or the password is wrong.");
    }
    this.#perAccount.forgive(user);
    this.#leave(connection);
    const session = this.sessions.begin(user, connection);
    this.#log.info({ user, session: session.id, address: connection.address }, "signed in");
    return this.#adopt(connection, session);
  }

  #resume(connection: Connection, { resumeToken, lastSeq }: Params<"resume">): Result<"resume"> {
    if (this.#draining) throw new RequestError("unavailable", "This release of the server is going: come back at once.");
    const resumed = this.sessions.resume(resumeToken, connection);
    if (!resumed) throw new RequestError("not-found", "The session has ended: sign in again.");
    this.#leave(connection, resumed.session);
    resumed.replaced?.close(closeCodes.replaced, "the session goes on in a newer socket");
    this.#log.info({ user: resumed.session.user, session: resumed.session.id, lastSeq }, "session resumed");
    resumed.session.replay(lastSeq);
    return this.#adopt(connection, resumed.session);
  }

  /** A socket that signs in a second time leaves the session it had. */
  #leave(connection: Connection, unless?: Session): void {
    const before = this.#byConnection.get(connection);
    if (before && before !== unless) this.sessions.release(before, connection);
  }

  #adopt(connection: Connection, session: Session): Result<"login"> {
    this.#byConnection.set(connection, session);
    connection.signedIn();
    const me = this.people.person(session.user);
    if (!me) throw new RequestError("not-found", "This person is not here any more.");
    return { session: session.id, resumeToken: session.resumeToken, me, people: this.people.list(), calls: this.#callsOf(session.user), sip: this.#account(session) };
  }

  #logout(connection: Connection, session: Session): Result<"logout"> {
    this.#byConnection.delete(connection);
    this.sessions.end(session);
    this.#log.info({ user: session.user, session: session.id }, "signed out");
    return {};
  }

  #account(session: Session): SipAccount | null {
    const chosen = this.switches.chosen;
    if (!chosen) return null;
    return { url: chosen.url, domain: this.#domain, user: session.sipUser, password: this.sessions.sipPassword(session.id), kind: chosen.kind };
  }

  /** Calls in progress and those that ended a moment ago, oldest first. */
  #callsOf(user: string): Call[] {
    const ended = this.#store.callsEndedSince(user, Date.now() - recentlyMs, mostRecent).flatMap(({ caller, callee, id, reason, ...times }) => {
      const [from, to] = [this.people.find(caller), this.people.find(callee)];
      return from && to ? [{ id, state: "ended" as const, caller: from, callee: to, reason, ...times }] : [];
    });
    const live = this.calls.of(user).flatMap((call) => this.calls.view(call) ?? []);
    return [...ended, ...live].sort((a, b) => a.startedAt - b.startedAt);
  }

  #onCall(call: TrackedCall): void {
    const view = this.calls.view(call);
    if (view) {
      for (const user of call.users) this.#tell(user, "call", { call: view });
      if (view.state === "ended") this.#record(view);
    }
    this.people.refresh(...call.users);
    // Whoever a transfer took out of the call.
    this.people.refresh();
  }

  /** For whoever left a call that goes on, it is over. */
  #tellLeft(call: TrackedCall, user: string): void {
    const view = call.viewOfDeparted(user);
    if (view) this.#tell(user, "call", { call: view });
  }

  #record({ id, caller, callee, startedAt, answeredAt, endedAt, reason }: Call): void {
    this.#log.info({ call: id, caller: caller.user, callee: callee.user, reason, seconds: answeredAt === undefined ? 0 : Math.round((endedAt! - answeredAt) / 1_000) }, "call ended");
    setImmediate(() => {
      try {
        this.#store.putCall({ id, caller: caller.user, callee: callee.user, startedAt, answeredAt, endedAt: endedAt!, reason: reason! });
      } catch (error) {
        this.#log.error({ call: id, reason: (error as Error).message }, "call could not be recorded");
      }
    });
  }

  #onSwitch(): void {
    for (const session of this.sessions.all) session.emit("sip", { sip: this.#account(session) });
  }

  #tell<Name extends EventName>(user: string, name: Name, data: EventData<Name>): void {
    for (const session of this.sessions.of(user)) session.emit(name, data);
  }

  #tellAll<Name extends EventName>(name: Name, data: EventData<Name>): void {
    for (const session of this.sessions.all) session.emit(name, data);
  }

  /** What another release wrote: people, and who is online. */
  #look(): void {
    try {
      if (!this.#store.changedElsewhere()) return;
      this.people.reload();
      this.sessions.refresh();
    } catch (error) {
      this.#log.error({ reason: (error as Error).message }, "database could not be read");
    }
  }
}
