import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { closeCodes, type Device, type Message, type Profile } from "../../protocol/wire.ts";
import { PostgresCluster } from "../testing/postgres-cluster.ts";
import type { TestClient } from "../testing/test-client.ts";
import { TestStack, until } from "../testing/test-stack.ts";

let cluster: PostgresCluster;

beforeAll(async () => {
  cluster = await PostgresCluster.start();
});
afterAll(() => cluster?.remove());

const bodies = (...clients: TestClient[]) => clients.flatMap((client) => client.events("message").map(({ data }) => (data as { message: Message }).message.body));
const resume = (client: TestClient, session: Record<string, unknown>, lastSeq: number) => client.ask("resume", { resumeToken: session.resumeToken, lastSeq });

describe.each(["SQLite", "PostgreSQL"])("two servers on one %s", (kind) => {
  let stack: TestStack;

  beforeAll(async () => {
    stack = await TestStack.create(kind === "SQLite" ? {} : { databaseUrl: cluster.createDatabase() });
    await stack.start(0);
    await stack.start(1);
  });
  afterAll(() => stack?.remove());

  it("show each other's people: who is online, what they say, and when they are gone", async () => {
    const { client: anna } = await stack.signIn("anna", 0);
    const { client: boris } = await stack.signIn("boris", 1);
    const seen = (what: string) => until(() => anna.events("person").some(({ data }) => JSON.stringify(data).includes('"boris"') && JSON.stringify(data).includes(what)));
    await seen('"available"');
    await boris.ask("setStatus", { availability: "away", text: "back at three" });
    await seen("back at three");
    await boris.ask("setStatus", { availability: "available", text: "" });
    await boris.ask("logout");
    await seen('"offline"');
    anna.socket.close();
    boris.socket.close();
  });

  it("deliver messages to every device of both sides, once, and tell what became of them", async () => {
    const [{ client: anna }, { client: annaToo }, { client: boris }] = [await stack.signIn("anna", 0), await stack.signIn("anna", 1), await stack.signIn("boris", 1)];
    const { message } = await anna.ask("sendMessage", { to: "boris", body: "hello", clientId: `${kind} 1` }) as { message: Message };
    expect(message).toMatchObject({ from: "anna", to: "boris", state: "sent" });
    expect((await anna.ask("sendMessage", { to: "boris", body: "hello", clientId: `${kind} 1` })).message).toEqual(message);
    for (const client of [anna, annaToo, boris]) await until(() => bodies(client).length === 1);
    await until(() => boris.events("profile").some(({ data }) => (data as { profile: Profile }).profile.unreadMessages === 1));
    await boris.ask("markMessages", { with: "anna", upTo: message.id, state: "read" });
    for (const client of [anna, annaToo]) await until(() => client.events("messageState").some(({ data }) => JSON.stringify(data) === JSON.stringify({ with: "boris", upTo: message.id, state: "read" })));
    expect((await anna.ask("listMessages", { with: "boris", limit: 1 })).messages).toEqual([{ ...message, state: "read" }]);
    for (const client of [anna, annaToo, boris]) expect(bodies(client)).toEqual(["hello"]);
    for (const client of [anna, annaToo, boris]) client.socket.close();
  });

  it("know each other's devices, and sign one out", async () => {
    const [{ client: one, session: here }, { client: two, session: there }] = [await stack.signIn("clara", 0), await stack.signIn("clara", 1)];
    await until(() => one.events("devices").some(({ data }) => (data as { devices: Device[] }).devices.filter(({ connected }) => connected).length === 2));
    const { devices } = await one.ask("listDevices") as { devices: Device[] };
    expect(devices.map(({ id, name, connected }) => ({ id, name, connected }))).toEqual([here, there].map(({ session }) => ({ id: session, name: "test", connected: true })));
    await expect(one.ask("signOutDevice", { device: "00000000-0000-4000-8000-000000000000" })).rejects.toMatchObject({ code: "not-found" });
    await one.ask("signOutDevice", { device: there.session });
    expect(await two.closedWith()).toBe(closeCodes.unauthorized);
    await expect(resume(await stack.open(1), there, 0)).rejects.toMatchObject({ code: "not-found" });
    one.socket.close();
  });

  it("move a session from one to the other while both live: nothing is lost, nothing comes twice", async () => {
    const { client: dmitri, session } = await stack.signIn("dmitri", 0);
    const { client: boris } = await stack.signIn("boris", 1);
    await boris.ask("sendMessage", { to: "dmitri", body: "one", clientId: `${kind} one` });
    await until(() => bodies(dmitri).length === 1);
    const last = dmitri.lastSeq;
    dmitri.socket.terminate();
    await boris.ask("sendMessage", { to: "dmitri", body: "two", clientId: `${kind} two` });
    const back = await stack.open(1);
    expect(await resume(back, session, last)).toMatchObject({ session: session.session, replayed: true });
    await boris.ask("sendMessage", { to: "dmitri", body: "three", clientId: `${kind} three` });
    await until(() => bodies(back).includes("three"));
    expect(bodies(dmitri, back)).toEqual(["one", "two", "three"]);
    expect(back.numbers).toEqual(back.numbers.map((_, index) => last + 1 + index));
    for (const one of [back, boris]) one.socket.close();
  });

  it("survive a release that goes while messages keep coming: each arrives once, and the numbers have no gap", async () => {
    const { client: anna, session } = await stack.signIn("anna", 0);
    const { client: boris } = await stack.signIn("boris", 1);
    let sent = 0;
    let sending = true;
    const load = (async () => {
      while (sending) await boris.ask("sendMessage", { to: "anna", body: String(sent), clientId: `${kind} load ${sent++}` });
    })();
    await until(() => bodies(anna).length > 5);
    const old = stack.servers.find(({ slot, process: child }) => slot === 0 && child.exitCode === null)!;
    const began = Date.now();
    old.process.kill("SIGTERM");
    expect(await anna.closedWith()).toBe(closeCodes.goingAway);
    const back = await stack.open(1);
    expect(await resume(back, session, anna.lastSeq)).toMatchObject({ replayed: true });
    const before = sent;
    await until(() => sent > before + 20);
    sending = false;
    await load;
    await until(() => bodies(anna, back).length >= sent);
    expect(bodies(anna, back)).toEqual(Array.from({ length: sent }, (_, n) => String(n)));
    expect([...anna.numbers, ...back.numbers]).toEqual([...anna.numbers, ...back.numbers].map((_, index) => index + 1));
    expect(await old.exited).toBe(0);
    expect(Date.now() - began).toBeLessThan(10_000);
    await stack.start(0);
    for (const one of [back, boris]) one.socket.close();
  });

  it("tell a device that comes back of everybody, unless it knows them as they are", async () => {
    const { client: anna, session } = await stack.signIn("anna", 0);
    const back = async (client: TestClient, slot: number, knowsPeople: boolean) => {
      client.socket.terminate();
      await client.closedWith();
      const next = await stack.open(slot);
      const { people } = await next.ask("resume", { resumeToken: session.resumeToken, lastSeq: client.lastSeq || anna.lastSeq, knowsPeople }) as { people?: unknown[] };
      return { next, people };
    };
    let [slot, one] = [1, await back(anna, 1, true)];
    // Where somebody was just being told of, everybody is told; soon nobody is.
    for (const end = Date.now() + 10_000; one.people !== undefined && Date.now() < end;) one = await back(one.next, slot = 1 - slot, true);
    expect(one.people).toBeUndefined();
    const two = await back(one.next, 1 - slot, false);
    expect(two.people).toHaveLength(4);
    two.next.socket.terminate();
    await two.next.closedWith();
    const { client: boris } = await stack.signIn("boris", slot);
    await boris.ask("setStatus", { text: "out for lunch" });
    const three = await back(two.next, slot, true);
    // By the list or by an event: either way it is told.
    await until(() => JSON.stringify([three.people, three.next.events("person")]).includes("out for lunch"));
    await boris.ask("setStatus", { text: "" });
    for (const client of [three.next, boris]) client.socket.close();
  });

  it("start a session over whose server was killed: the snapshot has what was acknowledged", async () => {
    const { client: anna, session } = await stack.signIn("anna", 0);
    const { client: boris } = await stack.signIn("boris", 1);
    const { message } = await anna.ask("sendMessage", { to: "boris", body: "kept", clientId: `${kind} kept` }) as { message: Message };
    const doomed = stack.servers.findLast(({ slot }) => slot === 0)!;
    doomed.process.kill("SIGKILL");
    await anna.closedWith();
    const back = await stack.open(1);
    const resumed = await resume(back, session, anna.lastSeq);
    expect(resumed).toMatchObject({ session: session.session, replayed: false });
    expect((await back.ask("listMessages", { with: "boris", limit: 1 })).messages).toMatchObject([{ id: message.id, body: "kept" }]);
    await boris.ask("sendMessage", { to: "anna", body: "on", clientId: `${kind} on` });
    await until(() => bodies(back).includes("on"));
    expect(back.numbers[0]).toBeGreaterThan(anna.lastSeq);
    for (const one of [back, boris]) one.socket.close();
    await stack.start(0);
  });
});

// Of servers on other hosts nobody knows whether they are lost or only busy.
describe("a server that stands still for two seconds, as on a machine that is busy with an upgrade", () => {
  it("hands over what a session missed all the same, to another one of its host", async () => {
    const stack = await TestStack.create();
    try {
      await stack.start(0);
      await stack.start(1);
      const { client: anna, session } = await stack.signIn("anna", 0);
      const { client: boris } = await stack.signIn("boris", 1);
      const busy = stack.servers.findLast(({ slot }) => slot === 0)!;
      busy.process.kill("SIGSTOP");
      await boris.ask("sendMessage", { to: "anna", body: "meanwhile", clientId: "meanwhile" });
      const back = await stack.open(1);
      const resumed = resume(back, session, anna.lastSeq);
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      busy.process.kill("SIGCONT");
      expect(await resumed).toMatchObject({ session: session.session, replayed: true });
      await until(() => bodies(back).includes("meanwhile"));
      expect(bodies(anna, back).filter((body) => body === "meanwhile")).toHaveLength(1);
      for (const one of [back, boris]) one.socket.close();
    } finally {
      await stack.remove();
    }
  });
});

describe("a server that has handed a session over, to a disk that takes its time", () => {
  it("answers what still comes over the old socket as something that may be tried again", async () => {
    const stack = await TestStack.create();
    const disk = new DatabaseSync(join(stack.folder, "data", "houseline.db"));
    try {
      const { process: server } = await stack.start(0);
      const { client: anna } = await stack.signIn("anna", 0);
      disk.exec("BEGIN IMMEDIATE");
      server.kill("SIGTERM");
      let code: unknown;
      while (code === undefined) await anna.ask("listDevices").catch((error: { code?: string }) => { code = error.code; });
      disk.exec("ROLLBACK");
      expect(code).toBe("unavailable");
      expect(await anna.closedWith()).toBe(closeCodes.goingAway);
    } finally {
      disk.close();
      await stack.remove();
    }
  });
});

describe("a server that is cut off from the others' news for a moment", () => {
  it("has everything of it afterwards: messages once each, counts, and who was signed out", async () => {
    const stack = await TestStack.create({ databaseUrl: cluster.createDatabase() });
    try {
      await stack.start(0);
      await stack.start(1);
      const [{ client: anna }, { client: clara, session }, { client: boris }, { client: claraToo }] = [await stack.signIn("anna", 0), await stack.signIn("clara", 0), await stack.signIn("boris", 1), await stack.signIn("clara", 1)];
      let sent = 0;
      const send = () => boris.ask("sendMessage", { to: "anna", body: String(sent), clientId: `cut ${sent++}` });
      await send();
      await until(() => bodies(anna).length === 1);
      cluster.sql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'houseline listener'");
      // Before it is back, which takes a tenth of a second at least.
      await claraToo.ask("signOutDevice", { device: session.session });
      for (let n = 0; n < 30; n++) await send();
      await until(() => bodies(anna).length >= sent);
      expect(bodies(anna)).toEqual(Array.from({ length: sent }, (_, n) => String(n)));
      await until(() => anna.events("profile").some(({ data }) => (data as { profile: Profile }).profile.unreadMessages === sent));
      expect(await clara.closedWith()).toBe(closeCodes.unauthorized);
      for (const one of [anna, boris, claraToo]) one.socket.close();
    } finally {
      await stack.remove();
    }
  });
});

describe("two tenants on one PostgreSQL", () => {
  it("have the same user names, and never see each other", async () => {
    const stack = await TestStack.create({ databaseUrl: cluster.createDatabase() });
    try {
      await stack.start(0);
      await stack.start(1, { HOUSELINE_DOMAIN: "other.internal" });
      const [{ client: ours, session }, { client: theirs }] = [await stack.signIn("anna", 0), await stack.signIn("boris", 1)];
      await ours.ask("setStatus", { text: "ours alone" });
      await ours.ask("sendMessage", { to: "boris", body: "a secret", clientId: "1" });
      expect((await theirs.ask("listMessages", { with: "anna" })).messages).toEqual([]);
      expect(JSON.stringify(await theirs.ask("searchPeople", { text: "anna" }))).toContain('"offline"');
      await expect(resume(await stack.open(1), session, 0)).rejects.toMatchObject({ code: "not-found" });
      // What they see after their own message went there and back is all that they will see.
      await theirs.ask("sendMessage", { to: "clara", body: "theirs", clientId: "1" });
      await until(() => bodies(theirs).length === 1);
      expect(JSON.stringify(theirs.frames)).not.toMatch(/ours alone|a secret/);
      expect(JSON.stringify(ours.frames)).not.toContain('"theirs"');
    } finally {
      await stack.remove();
    }
  });
});
