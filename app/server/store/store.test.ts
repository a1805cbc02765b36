import { DatabaseSync } from "node:sqlite";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createLog } from "../log.ts";
import { PostgresCluster } from "../testing/postgres-cluster.ts";
import { AlreadyThere, type Change, StoreUnavailable } from "./database.ts";
import { openStore } from "./open.ts";
import type { Store } from "./store.ts";

const log = createLog("error");
const open: Store[] = [];
let cluster: PostgresCluster;
let folder: string;

beforeAll(async () => {
  cluster = await PostgresCluster.start();
  folder = mkdtempSync(join(tmpdir(), "houseline-store-"));
});
afterEach(() => Promise.all(open.splice(0).map((store) => store.close())));
afterAll(async () => {
  await cluster?.remove();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

interface Place { databaseUrl: string; dataDirectory: string }

async function enter(place: Place, origin = "one", domain = "a.internal"): Promise<Store> {
  const store = await openStore({ ...place, domain }, origin, log);
  open.push(store);
  return store;
}

async function until(ask: () => Promise<boolean> | boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !await ask();) {
    if (Date.now() > end) throw new Error("not within 10 s");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const anna = { user: "anna", name: "Anna Petrova", extension: "101", password: "x" };
const boris = { user: "boris", name: "Boris Weber", extension: "102", password: "x" };
const session = (id: string, user = "anna", home = "one") =>
  ({ id, user, tokenHash: `hash ${id}`, sipUser: `${user}~${id}`, name: "a browser", apiToken: null, home, createdAt: Date.now(), onlineUntil: 0, expiresAt: Date.now() + 60_000 });
const entry = (call: string, user: string, peer: string, missed = false, endedAt = Date.now()) =>
  ({ call, user, direction: "incoming" as const, peer: { user: peer, name: peer, extension: "102" }, startedAt: 1, endedAt, reason: "no-answer" as const, missed });

describe.each([
  ["SQLite", (): Place => ({ databaseUrl: "", dataDirectory: mkdtempSync(join(folder, "data-")) })],
  ["PostgreSQL", (): Place => ({ databaseUrl: cluster.createDatabase(), dataDirectory: "" })],
])("the store on %s", (_kind, place) => {
  it("keeps people over a restart, and refuses a second user name or extension", async () => {
    const where = place();
    const first = await enter(where);
    await first.people.add(anna);
    await first.people.change("anna", { availability: "away", text: "at lunch", voicemail: false, language: "ru", role: "admin" });
    await first.close();
    const store = await enter(where);
    expect(await store.people.all()).toEqual([{ ...anna, role: "admin", language: "ru", voicemail: false, availability: "away", text: "at lunch", historySeenAt: 0 }]);
    await expect(store.people.add({ ...boris, extension: "101" })).rejects.toBeInstanceOf(AlreadyThere);
    await expect(store.people.add({ ...boris, user: "anna" })).rejects.toBeInstanceOf(AlreadyThere);
    await store.people.add(boris);
    await expect(store.people.change("boris", { extension: "101" })).rejects.toBeInstanceOf(AlreadyThere);
  });

  it("removes somebody with everything that is theirs alone", async () => {
    const store = await enter(place());
    for (const person of [anna, boris]) await store.people.add(person);
    await store.sessions.beat("one", Date.now() + 60_000);
    await store.sessions.add(session("s1"), 10);
    await store.people.setFavourite("boris", "anna", true);
    await store.history.add([entry("c1", "anna", "boris")]);
    expect(await store.people.remove("anna")).toBe(true);
    expect(await store.people.remove("anna")).toBe(false);
    expect(await store.people.favourites("boris")).toEqual([]);
    expect(await store.sessions.byId("s1")).toBeUndefined();
    expect(await store.history.page("anna", { before: 1e15, limit: 10, missedOnly: false })).toEqual([]);
  });

  it("knows who is online: by a socket at a server that lives, or for the grace of a reload", async () => {
    const store = await enter(place());
    for (const person of [anna, boris]) await store.people.add(person);
    const now = Date.now();
    await store.sessions.beat("one", now + 60_000);
    await store.sessions.beat("dead", now - 1);
    await store.sessions.add(session("s1"), 10);
    await store.sessions.add(session("s2", "boris", "dead"), 10);
    expect(await store.sessions.online(now)).toEqual(["anna"]);
    await store.sessions.release("s1", "another", now + 5_000, now + 60_000);
    expect(await store.sessions.of("anna", now)).toMatchObject([{ id: "s1", connected: true }]);
    await store.sessions.release("s1", "one", now + 5_000, now + 60_000);
    expect(await store.sessions.of("anna", now)).toMatchObject([{ id: "s1", connected: false }]);
    expect(await store.sessions.online(now)).toEqual(["anna"]);
    expect(await store.sessions.online(now + 6_000)).toEqual([]);
    expect(await store.sessions.isOnline("anna", now)).toBe(true);
    expect(await store.sessions.removeExpired(now, 60_000)).toEqual([]);
    expect((await store.sessions.removeExpired(now + 61_000, 60_000)).map(({ id }) => id).sort()).toEqual(["s1", "s2"]);
  });

  it("makes room for a new session: the one longest without a socket goes first", async () => {
    const store = await enter(place());
    await store.people.add(anna);
    await store.sessions.beat("one", Date.now() + 60_000);
    for (const id of ["s1", "s2", "s3"]) await store.sessions.add({ ...session(id), createdAt: Date.now() + Number(id[1]) }, 3);
    await store.sessions.release("s2", "one", 0, Date.now() + 60_000);
    expect(await store.sessions.add({ ...session("s4"), createdAt: Date.now() + 4 }, 3)).toEqual([{ id: "s2", sipUser: "anna~s2" }]);
    expect(await store.sessions.add({ ...session("s5"), createdAt: Date.now() + 5 }, 3)).toEqual([{ id: "s1", sipUser: "anna~s1" }]);
  });

  it("hands a session's missed events over, once", async () => {
    const store = await enter(place());
    await store.sessions.handOver([{ session: "s1", state: "first" }]);
    await store.sessions.handOver([{ session: "s1", state: "second" }]);
    expect(await store.sessions.takeHandOver("s1")).toBe("second");
    expect(await store.sessions.takeHandOver("s1")).toBeUndefined();
  });

  it("keeps one row a call and person, whichever of two servers writes first", async () => {
    const where = place();
    const [one, two] = [await enter(where), await enter(where, "two")];
    const rows = [entry("c1", "anna", "boris", true), entry("c1", "boris", "anna")];
    const added = (await Promise.all([one.history.add(rows), two.history.add(rows)])).flat();
    expect(added.sort()).toEqual(["anna", "boris"]);
    expect(await one.history.page("anna", { before: 1e15, limit: 10, missedOnly: true })).toMatchObject([{ call: "c1", missed: true }]);
    expect(await one.history.page("boris", { before: 1e15, limit: 10, missedOnly: true })).toEqual([]);
    expect(await one.history.missedSince("anna", 0)).toBe(1);
    expect(await one.history.missedSince("anna", Date.now() + 1_000)).toBe(0);
  });

  it("gives history in pages, newest first, and of one peer", async () => {
    const store = await enter(place());
    for (let n = 1; n <= 5; n++) await store.history.add([entry(`c${n}`, "anna", n % 2 ? "boris" : "clara", false, n * 1_000)]);
    const page = (before: number, peer?: string) => store.history.page("anna", { before, limit: 2, missedOnly: false, with: peer }).then((rows) => rows.map(({ call }) => call));
    expect(await page(1e15)).toEqual(["c5", "c4"]);
    expect(await page(4_000)).toEqual(["c3", "c2"]);
    expect(await page(1e15, "clara")).toEqual(["c4", "c2"]);
  });

  it("makes one message of a client's id, however often and from wherever it is sent", async () => {
    const where = place();
    const [one, two] = [await enter(where), await enter(where, "two")];
    const sent = await Promise.all(Array.from({ length: 10 }, (_, n) => (n % 2 ? one : two).messages.add("anna", "boris", "hello", "m1")));
    expect(new Set(sent.map(({ message }) => message.id)).size).toBe(1);
    expect(sent.filter(({ isNew }) => isNew)).toHaveLength(1);
    expect((await one.messages.add("boris", "anna", "hello", "m1")).isNew).toBe(true);
  });

  it("moves messages on from sent to delivered to read, never back, and counts the unread", async () => {
    const { messages } = await enter(place());
    const ids: number[] = [];
    for (const body of ["one", "two", "three"]) ids.push((await messages.add("anna", "boris", body, body)).message.id);
    await messages.add("clara", "boris", "hello", "x");
    expect(await messages.unread("boris")).toBe(4);
    expect(await messages.mark("anna", "boris", ids[1]!, "read")).toBe(ids[1]);
    expect(await messages.mark("anna", "boris", ids[2]!, "delivered")).toBe(ids[2]);
    expect(await messages.mark("anna", "boris", ids[2]!, "delivered")).toBeUndefined();
    expect((await messages.page("boris", "anna", 1e15, 10)).map(({ body, state }) => `${body} ${state}`)).toEqual(["three delivered", "two read", "one read"]);
    expect((await messages.conversations("boris", 10)).map(({ with: peer, unread, last }) => [peer, unread, last.body])).toEqual([["clara", 1, "hello"], ["anna", 1, "three"]]);
    expect((await messages.since(ids[0]!, 10)).map(({ body }) => body)).toEqual(["two", "three", "hello"]);
  });

  it("gives a lease to one holder at a time, who may renew it; it passes on when its time is over", async () => {
    const where = place();
    const [one, two] = [await enter(where), await enter(where, "two")];
    const taken = await Promise.all([one.takeLease("switch", "one", 60_000), two.takeLease("switch", "two", 60_000)]);
    expect(taken.filter(Boolean)).toHaveLength(1);
    const [holder, other] = taken[0] ? ["one", "two"] as const : ["two", "one"] as const;
    expect(await one.takeLease("switch", holder, 60_000)).toBe(true);
    await one.releaseLease("switch", other);
    expect(await one.takeLease("switch", other, 60_000)).toBe(false);
    await one.releaseLease("switch", holder);
    expect(await one.takeLease("switch", other, 50)).toBe(true);
    await until(() => one.takeLease("switch", holder, 60_000));
  });

  it("keeps rooms and tokens", async () => {
    const store = await enter(place());
    await store.rooms.add({ name: "blue", title: "Blue room", number: "300", pin: "1234", moderators: ["anna"] });
    await expect(store.rooms.add({ name: "red", title: "Red room", number: "300", pin: "", moderators: [] })).rejects.toBeInstanceOf(AlreadyThere);
    for (const name of ["red", "green"]) await store.rooms.add({ name, title: name, number: null, pin: "", moderators: [] });
    expect((await store.rooms.all()).map(({ name }) => name)).toEqual(["blue", "green", "red"]);
    expect(await store.rooms.remove("red")).toBe(true);
    await store.tokens.add({ id: "t1", name: "crm", hash: "h", scopes: ["calls"], user: null, createdAt: 1, expiresAt: null });
    expect(await store.tokens.byHash("h")).toMatchObject({ name: "crm", scopes: ["calls"], user: null, lastUsedAt: null });
    await expect(store.tokens.add({ id: "t2", name: "crm", hash: "i", scopes: [], user: null, createdAt: 1, expiresAt: null })).rejects.toBeInstanceOf(AlreadyThere);
    expect(await store.tokens.remove("t1")).toBe(true);
    expect(await store.tokens.byHash("h")).toBeUndefined();
  });

  it("tells other servers of the tenant what changed, and not the one that changed it", async () => {
    const where = place();
    const [one, two, stranger] = [await enter(where), await enter(where, "two"), await enter(where, "three", "b.internal")];
    const heard: Record<string, Change[]> = { one: [], two: [], stranger: [] };
    for (const [name, store] of Object.entries({ one, two, stranger })) store.on("changed", (change) => heard[name]!.push(change));
    await one.people.add(anna);
    await two.people.setFavourite("anna", "anna", true);
    await until(() => heard.two!.length > 0 && heard.one!.length > 0);
    expect(heard).toEqual({ one: [{ topic: "profile", key: "anna" }], two: [{ topic: "person", key: "anna" }], stranger: [] });
  });

  it("keeps one tenant from ever seeing another", async () => {
    const where = place();
    const [ours, theirs] = [await enter(where), await enter(where, "two", "b.internal")];
    for (const store of [ours, theirs]) for (const person of [anna, boris]) await store.people.add(person);
    await ours.sessions.beat("one", Date.now() + 60_000);
    await ours.sessions.add(session("s1"), 10);
    await ours.sessions.handOver([{ session: "s1", state: "secret" }]);
    await ours.history.add([entry("c1", "anna", "boris", true)]);
    await ours.messages.add("anna", "boris", "secret", "m1");
    await ours.rooms.add({ name: "blue", title: "Blue", number: "300", pin: "1", moderators: [] });
    await ours.tokens.add({ id: "t1", name: "crm", hash: "h", scopes: ["calls"], user: null, createdAt: 1, expiresAt: null });
    await ours.people.setFavourite("anna", "boris", true);
    await ours.people.change("anna", { text: "ours" });
    expect(await ours.takeLease("switch", "one", 60_000)).toBe(true);

    const now = Date.now();
    expect((await theirs.people.get("anna"))!.text).toBe("");
    expect(await theirs.people.favourites("anna")).toEqual([]);
    expect(await theirs.sessions.online(now)).toEqual([]);
    expect(await theirs.sessions.isAlive("one")).toBe(false);
    for (const found of [theirs.sessions.byId("s1"), theirs.sessions.byToken("hash s1"), theirs.sessions.bySipUser("anna~s1"), theirs.sessions.takeHandOver("s1"), theirs.sessions.remove("s1", "anna")]) expect(await found).toBeUndefined();
    expect(await theirs.sessions.adopt("s1", "two", "")).toBe(false);
    expect(await theirs.sessions.of("anna", now)).toEqual([]);
    expect(await theirs.sessions.removeExpired(now + 1e9, 0)).toEqual([]);
    expect(await theirs.history.page("anna", { before: 1e15, limit: 10, missedOnly: false })).toEqual([]);
    expect(await theirs.history.pageOfAll(1e15, 10)).toEqual([]);
    expect(await theirs.history.missedSince("anna", 0)).toBe(0);
    expect(await theirs.messages.get("anna", "m1")).toBeUndefined();
    expect(await theirs.messages.page("anna", "boris", 1e15, 10)).toEqual([]);
    expect(await theirs.messages.since(0, 10)).toEqual([]);
    expect(await theirs.messages.conversations("boris", 10)).toEqual([]);
    expect(await theirs.messages.unread("boris")).toBe(0);
    expect(await theirs.messages.mark("anna", "boris", 1e15, "read")).toBeUndefined();
    expect(await theirs.rooms.all()).toEqual([]);
    expect(await theirs.rooms.remove("blue")).toBe(false);
    expect(await theirs.tokens.all()).toEqual([]);
    expect(await theirs.tokens.byHash("h")).toBeUndefined();
    expect(await theirs.tokens.remove("t1")).toBe(false);
    expect(await theirs.takeLease("switch", "two", 60_000)).toBe(true);
    await theirs.people.remove("anna");
    await theirs.removeOld(now + 1e12);
    expect(await ours.people.get("anna")).toMatchObject({ text: "ours" });
    expect(await ours.sessions.byId("s1")).toMatchObject({ user: "anna" });
    expect(await ours.messages.get("anna", "m1")).toMatchObject({ state: "sent" });
    expect(await ours.history.missedSince("anna", 0)).toBe(1);
  });

  it("brings the schema up once, when four servers start at the same moment", async () => {
    const where = place();
    const stores = await Promise.all(["one", "two", "three", "four"].map((origin) => enter(where, origin)));
    await stores[0]!.people.add(anna);
    for (const store of stores) expect((await store.people.all()).map(({ user }) => user)).toEqual(["anna"]);
  });

  it("fails one writer's statement without the others of the same moment", async () => {
    const store = await enter(place());
    await store.people.add(anna);
    const results = await Promise.allSettled(Array.from({ length: 50 }, (_, n) => n === 25
      ? store.people.add({ ...anna, user: "double" })
      : store.people.add({ user: `p${n}`, name: "x", extension: String(200 + n), password: "" })));
    expect(results.map(({ status }) => status).filter((status) => status === "rejected")).toHaveLength(1);
    expect(await store.people.all()).toHaveLength(50);
  });
});

describe("the store on SQLite", () => {
  it("knows whether a server is running, whatever it says itself", async () => {
    const where = { databaseUrl: "", dataDirectory: mkdtempSync(join(folder, "running-")) };
    const store = await enter(where);
    expect(await store.sessions.isRunning("one")).toBe(true);
    expect(await store.sessions.isRunning("two")).toBe(false);
    const two = await enter(where, "two");
    expect(await store.sessions.isRunning("two")).toBe(true);
    expect(await two.sessions.isRunning("one")).toBe(true);
    await two.close();
    expect(await store.sessions.isRunning("two")).toBe(false);
  });

  it("takes over what a file of the first releases holds", async () => {
    const dataDirectory = mkdtempSync(join(folder, "old-"));
    const old = new DatabaseSync(join(dataDirectory, "houseline.db"));
    old.exec(`CREATE TABLE people (user TEXT PRIMARY KEY, name TEXT NOT NULL, extension TEXT NOT NULL UNIQUE, password TEXT NOT NULL, do_not_disturb INTEGER NOT NULL DEFAULT 0) STRICT;
      CREATE TABLE sessions (id TEXT PRIMARY KEY, user TEXT NOT NULL REFERENCES people(user) ON DELETE CASCADE, token_hash TEXT NOT NULL UNIQUE, sip_user TEXT NOT NULL UNIQUE,
        created_at INTEGER NOT NULL, online_until INTEGER NOT NULL, expires_at INTEGER NOT NULL) STRICT;
      CREATE TABLE calls (id TEXT PRIMARY KEY, caller TEXT NOT NULL, callee TEXT NOT NULL, started_at INTEGER NOT NULL, answered_at INTEGER, ended_at INTEGER NOT NULL, reason TEXT NOT NULL) STRICT;
      INSERT INTO people VALUES ('anna', 'Anna', '101', 'hash', 1), ('boris', 'Boris', '102', 'hash', 0);
      INSERT INTO sessions VALUES ('s1', 'anna', 'h', 'anna~1', 1, 2, 3);
      INSERT INTO calls VALUES ('c1', 'anna', 'boris', 1, NULL, 2, 'no-answer');
      PRAGMA user_version = 1`);
    old.close();
    const store = await enter({ databaseUrl: "", dataDirectory });
    expect((await store.people.all()).map(({ user, availability }) => [user, availability])).toEqual([["anna", "do-not-disturb"], ["boris", "available"]]);
    expect(await store.sessions.byToken("h")).toMatchObject({ id: "s1", user: "anna" });
    expect(await store.history.missedSince("boris", 0)).toBe(1);
  });

  it("says in a sentence what is wrong with a directory that can't be used", async () => {
    const file = join(folder, "a-file");
    writeFileSync(file, "");
    await expect(enter({ databaseUrl: "", dataDirectory: file })).rejects.toThrow(/^The database in \S+a-file can't be opened/);
  });
});

describe("the store on PostgreSQL", () => {
  it("says in a sentence that nobody answers, without the password", async () => {
    const failure = await enter({ databaseUrl: "postgres://houseline:a-secret@127.0.0.1:1/houseline", dataDirectory: "" }).catch((error: Error) => error.message);
    expect(failure).toMatch(/^The PostgreSQL of secrets\.databaseUrl can't be used \(.*ECONNREFUSED/);
    expect(failure).not.toContain("a-secret");
  });

  it("comes back by itself after the database crashed, and has everybody read again", async () => {
    const own = await PostgresCluster.start();
    try {
      const databaseUrl = own.createDatabase();
      const store = await enter({ databaseUrl, dataDirectory: "" });
      const other = await enter({ databaseUrl, dataDirectory: "" }, "two");
      await store.people.add(anna);
      let refreshed = 0;
      const heard: Change[] = [];
      store.on("refresh", () => { refreshed++; });
      store.on("changed", (change) => heard.push(change));
      await own.kill();
      await expect(store.people.all()).rejects.toBeInstanceOf(StoreUnavailable);
      await own.run();
      await until(() => store.people.all().then((rows) => rows.length === 1, () => false));
      await until(() => refreshed === 1);
      await until(() => other.people.add(boris).then(() => true, () => false));
      await until(() => heard.some(({ key }) => key === "boris"));
    } finally {
      await Promise.all(open.splice(0).map((one) => one.close()));
      await own.remove();
    }
  });
});
