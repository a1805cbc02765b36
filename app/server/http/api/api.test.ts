import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { closeCodes } from "../../../protocol/wire.ts";
import { routes } from "../../../protocol/rest.ts";
import { adminToken, TestStack } from "../../testing/test-stack.ts";

let stack: TestStack;
beforeAll(async () => {
  stack = await TestStack.create({ environment: { HOUSELINE_API_ORIGINS: "https://crm.example.com" } });
  await stack.start(0);
});
afterAll(() => stack?.remove());

const errorOf = ({ status, body }: { status: number; body: Record<string, unknown> }) => ({ status, ...(body.error as { code: string; message: string }) });
const directory = async (user: string) => (await fetch(`http://127.0.0.1:${stack.ports.directory}/directory`, {
  method: "POST", headers: { authorization: `Basic ${btoa("switch:directory-secret")}` }, body: new URLSearchParams({ user, domain: "test.internal" }),
})).text();

describe("people by REST", () => {
  it("are added with a made password that signs them in, changed, and removed with their sessions", async () => {
    const added = await stack.api("POST", "/people", { user: "erika", name: "Erika Muster", extension: "120" });
    expect(added).toMatchObject({ status: 201, body: { person: { user: "erika", name: "Erika Muster", extension: "120", role: "member", presence: "offline", hasPassword: true } } });
    const client = await stack.open();
    await client.ask("login", { user: "erika", password: added.body.password });
    expect((await stack.api("PATCH", "/people/erika", { role: "supervisor", name: "Erika Neu" })).body.person).toMatchObject({ name: "Erika Neu", role: "supervisor", presence: "available" });
    expect((await stack.api("GET", "/people?search=neu")).body.people).toMatchObject([{ user: "erika" }]);
    await client.ask("listCalls").catch((error: { code: string }) => expect(error.code).not.toBe("forbidden"));
    expect((await stack.api("DELETE", "/people/erika")).status).toBe(204);
    expect(await client.closedWith()).toBe(closeCodes.unauthorized);
    expect((await stack.api("GET", "/people/erika")).status).toBe(404);
  });

  it("get a new password, and are signed out by that", async () => {
    const { client } = await stack.signIn("dmitri");
    const { body } = await stack.api("POST", "/people/dmitri/password", {});
    expect(await client.closedWith()).toBe(closeCodes.unauthorized);
    await (await stack.open()).ask("login", { user: "dmitri", password: body.password });
  });

  it("are refused in sentences when something is wrong, and nothing is changed", async () => {
    expect(errorOf(await stack.api("POST", "/people", { user: "Erika", name: "x" }))).toMatchObject({ status: 400, code: "bad-request", message: expect.stringMatching(/^In the body, 'user' is not as it must be/) as string });
    expect(errorOf(await stack.api("POST", "/people", { user: "erika", name: "x", shoe: 1 }))).toMatchObject({ status: 400, message: "In the body there is no 'shoe'." });
    expect(errorOf(await stack.api("POST", "/people", { user: "anna", name: "x" }))).toMatchObject({ status: 409, message: "Somebody has that user name or extension already." });
    expect(errorOf(await stack.api("PATCH", "/people/anna", { extension: "102" }))).toMatchObject({ status: 409 });
    expect(errorOf(await stack.api("PATCH", "/people/nobody", {}))).toMatchObject({ status: 404, code: "not-found" });
    expect(errorOf(await stack.api("GET", "/people?limit=1000"))).toMatchObject({ status: 400 });
    expect(((await stack.api("GET", "/people/anna")).body.person as { extension: string }).extension).toBe("101");
  });

  it("come in pages", async () => {
    const users = async (query: string) => ((await stack.api("GET", `/people?limit=2${query}`)).body.people as { user: string }[]).map(({ user }) => user);
    expect(await users("")).toEqual(["anna", "boris"]);
    expect(await users("&after=boris")).toEqual(["clara", "dmitri"]);
  });
});

describe("who may ask", () => {
  it("is whoever brings a token with the permission", async () => {
    expect(errorOf(await stack.api("GET", "/people", undefined, { token: "" }))).toMatchObject({ status: 401, code: "unauthorized" });
    expect(errorOf(await stack.api("GET", "/people", undefined, { token: `hl_${"x".repeat(43)}` }))).toMatchObject({ status: 401 });
    const { body } = await stack.api("POST", "/tokens", { name: "reads calls", scopes: ["supervise.see"] });
    const token = body.token as string;
    expect((await stack.api("GET", "/calls", undefined, { token })).body).toEqual({ calls: [] });
    expect(errorOf(await stack.api("GET", "/people", undefined, { token }))).toMatchObject({ status: 403, code: "forbidden", message: "This needs the permission 'people.manage'." });
    const listed = (await stack.api("GET", "/tokens")).body.tokens as Record<string, unknown>[];
    expect(listed.find(({ name }) => name === "reads calls")).toMatchObject({ scopes: ["supervise.see"], lastUsedAt: expect.any(Number) as number });
    expect(JSON.stringify(listed)).not.toContain(token);
  });

  it("can make nobody mightier than themselves", async () => {
    const { body } = await stack.api("POST", "/tokens", { name: "people alone", scopes: ["people.manage", "tokens.manage"] });
    const token = body.token as string;
    expect(errorOf(await stack.api("POST", "/people", { user: "mallory", name: "Mallory", role: "admin" }, { token }))).toMatchObject({ status: 403 });
    expect(errorOf(await stack.api("POST", "/tokens", { name: "more", scopes: ["supervise.listen"] }, { token }))).toMatchObject({ status: 403 });
    await stack.api("PATCH", "/people/clara", { role: "admin" });
    expect(errorOf(await stack.api("POST", "/people/clara/password", {}, { token }))).toMatchObject({ status: 403 });
    expect(errorOf(await stack.api("POST", "/tokens", { name: "as clara", user: "clara", scopes: ["people.manage"] }, { token }))).toMatchObject({ status: 403 });
    await stack.api("PATCH", "/people/clara", { role: "member" });
  });

  it("places calls for themselves alone, unless it is a server", async () => {
    await stack.api("PATCH", "/people/anna", { role: "admin" });
    const { body } = await stack.api("POST", "/tokens", { name: "anna's", user: "anna", scopes: ["calls"] });
    await stack.api("PATCH", "/people/anna", { role: "member" });
    expect(errorOf(await stack.api("POST", "/calls", { from: "boris", to: "clara" }, { token: body.token as string }))).toMatchObject({ status: 403 });
    expect(errorOf(await stack.api("POST", "/calls", { from: "boris", to: "clara" }))).toMatchObject({ status: 409, message: "'boris' has no device that is connected." });
    expect(errorOf(await stack.api("DELETE", "/calls/00000000-0000-4000-8000-000000000000"))).toMatchObject({ status: 404 });
  });
});

describe("rooms by REST", () => {
  it("are what the switch is told, by name and by number, until they are removed", async () => {
    expect(await stack.api("POST", "/rooms", { name: "blue", title: "Blue & quiet", number: "300", pin: "1234", moderators: ["anna", "boris"] })).toMatchObject({ status: 201 });
    for (const address of ["room-blue", "300"]) {
      const document = await directory(address);
      expect(document).toContain('<user id="room-blue" number-alias="300" cacheable="true">');
      expect(document).toContain('<variable name="room_pin" value="1234"/><variable name="room_moderators" value="anna boris"/>');
      expect(document).toContain('value="Blue &amp; quiet"');
    }
    expect(errorOf(await stack.api("POST", "/rooms", { name: "red", title: "Red", number: "101" }))).toMatchObject({ status: 409, message: "101 is the extension of 'anna'." });
    expect(errorOf(await stack.api("POST", "/people", { user: "erika", name: "Erika", extension: "300" }))).toMatchObject({ status: 409, message: "300 is the number of the room 'blue'." });
    expect((await stack.api("PATCH", "/rooms/blue", { pin: null, moderators: [] })).body.room).toEqual({ name: "blue", title: "Blue & quiet", number: "300", moderators: [] });
    expect(await directory("300")).toContain('<variable name="room_pin" value=""/>');
    expect((await stack.api("DELETE", "/rooms/blue")).status).toBe(204);
    expect(await directory("room-blue")).toContain("not found");
  });
});

describe("the directory", () => {
  it("carries a person's language and voicemail", async () => {
    const { client } = await stack.signIn("boris");
    await client.ask("setPreferences", { language: "ru", voicemail: false });
    expect(await directory("boris")).toContain('<variable name="language" value="ru"/><variable name="voicemail" value="false"/>');
    client.socket.close();
  });
});

describe("the REST API", () => {
  it("describes every route in OpenAPI, to everybody", async () => {
    const { body } = await stack.api("GET", "/openapi.json", undefined, { token: "" });
    const operations = Object.values(body.paths as Record<string, Record<string, { operationId: string }>>).flatMap((methods) => Object.values(methods).map(({ operationId }) => operationId));
    expect(operations.sort()).toEqual(Object.keys(routes).sort());
  });

  it("refuses what is no request: unknown paths, other methods, bodies that are too large or no JSON", async () => {
    expect(errorOf(await stack.api("GET", "/nothing"))).toMatchObject({ status: 404 });
    const other = await stack.api("DELETE", "/people");
    expect([other.status, other.headers.get("allow")]).toEqual([405, "GET, POST"]);
    expect(errorOf(await stack.api("POST", "/people", "{"))).toMatchObject({ status: 400, message: "The body is not JSON." });
    expect(errorOf(await stack.api("POST", "/people", `{"name":"${"x".repeat(70_000)}"}`))).toMatchObject({ status: 413 });
    expect(errorOf(await stack.api("POST", "/people", "user=x", { headers: { "content-type": "application/x-www-form-urlencoded" } }))).toMatchObject({ status: 400 });
    expect((await stack.api("GET", "/people/%2e%2e%2fx")).status).toBe(400);
  });

  it("may be read by pages of the configured origins alone", async () => {
    const allowed = (origin: string) => stack.api("GET", "/people", undefined, { headers: { origin } }).then(({ headers }) => headers.get("access-control-allow-origin"));
    expect(await allowed("https://crm.example.com")).toBe("https://crm.example.com");
    expect(await allowed("https://evil.example.com")).toBeNull();
  });

  it("slows a caller down who asks without end, and names no token in the log", async () => {
    const { body } = await stack.api("POST", "/tokens", { name: "busy", scopes: ["supervise.see"] });
    const answers = await Promise.all(Array.from({ length: 300 }, () => stack.api("GET", "/calls", undefined, { token: body.token as string })));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 429]));
    for (const { output } of stack.servers) for (const secret of [adminToken, body.token as string]) expect(output()).not.toContain(secret);
  });
});
