import { spawn } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { closeCodes, limits } from "../protocol/wire.ts";
import { origin, TestStack, until } from "./testing/test-stack.ts";

let stack: TestStack;

beforeAll(async () => {
  stack = await TestStack.create();
  await stack.start(0);
});

afterAll(() => stack?.remove());

describe("signing in", () => {
  it("gives the session, everybody with their presence, and no switch while none answers", async () => {
    const { client, session } = await stack.signIn("anna");
    expect(session.me).toMatchObject({ user: "anna", extension: "101", presence: "available" });
    expect((session.people as { user: string; presence: string }[]).map(({ user, presence }) => `${user} ${presence}`).sort()).toEqual(["anna available", "boris offline", "clara offline", "dmitri offline"]);
    expect(session.sip).toBeNull();
    const { client: other } = await stack.signIn("boris");
    await until(() => client.events("person").some(({ data }) => JSON.stringify(data).includes('"boris"') && JSON.stringify(data).includes("available")));
    client.socket.close();
    other.socket.close();
  });

  it("is refused in the same words for a wrong password and for a name that nobody has, and in time for too many", async () => {
    const client = await stack.open();
    const refused = async (user: string) => client.ask("login", { user, password: "wrong" }).then(() => "signed in", (error: Error) => error.message);
    expect(await refused("dmitri")).toBe(await refused("nobody"));
    for (let attempt = 0; attempt < 5; attempt++) await refused("dmitri");
    expect(await refused("dmitri")).toMatch(/^Too many attempts to sign in\. Try again in \d+ seconds\.$/);
    client.socket.close();
  });

  it("comes before everything else", async () => {
    const client = await stack.open();
    await expect(client.ask("setDoNotDisturb", { on: true })).rejects.toMatchObject({ code: "unauthorized" });
    client.socket.close();
  });
});

describe("a session", () => {
  it("outlives its socket: what was missed is told, and the numbers go on without a gap", async () => {
    const { client, session } = await stack.signIn("clara");
    const before = Math.max(0, ...client.frames.flatMap((frame) => (frame.type === "event" ? [frame.seq] : [])));
    client.socket.terminate();
    const { client: boris } = await stack.signIn("boris");
    await boris.ask("setDoNotDisturb", { on: true });
    const back = await stack.open();
    const resumed = await back.ask("resume", { resumeToken: session.resumeToken, lastSeq: before });
    expect(resumed.session).toBe(session.session);
    expect((resumed.people as { user: string; presence: string }[]).find(({ user }) => user === "boris")!.presence).toBe("do-not-disturb");
    const numbers = back.frames.flatMap((frame) => (frame.type === "event" ? [frame.seq] : []));
    expect(numbers).toEqual(numbers.map((_, index) => before + 1 + index));
    expect(back.events("person").some(({ data }) => JSON.stringify(data).includes("do-not-disturb"))).toBe(true);
    await boris.ask("setDoNotDisturb", { on: false });
    for (const one of [back, boris]) one.socket.close();
  });

  it("goes on in the newer of two sockets", async () => {
    const { client, session } = await stack.signIn("clara");
    const second = await stack.open();
    await second.ask("resume", { resumeToken: session.resumeToken, lastSeq: 0 });
    expect(await client.closedWith()).toBe(closeCodes.replaced);
    second.socket.close();
  });

  it("is over after signing out, and a token of nobody's opens nothing", async () => {
    const { client, session } = await stack.signIn("clara");
    await client.ask("logout");
    const back = await stack.open();
    await expect(back.ask("resume", { resumeToken: session.resumeToken, lastSeq: 0 })).rejects.toMatchObject({ code: "not-found" });
    await expect(back.ask("resume", { resumeToken: "x", lastSeq: 0 })).rejects.toMatchObject({ code: "not-found" });
    back.socket.close();
  });

  it("can't hang up a call that isn't its own, or isn't there: the answers are the same", async () => {
    const { client } = await stack.signIn("clara");
    await expect(client.ask("hangup", { call: "00000000-0000-4000-8000-000000000000" })).rejects.toMatchObject({ code: "not-found", message: "There is no such call." });
    await expect(client.ask("hangup", { call: "x; fsctl shutdown" })).rejects.toMatchObject({ code: "bad-request" });
    client.socket.close();
  });
});

describe("bounds", () => {
  it("cut off what is no frame, too large a frame, an unknown version and too many requests", async () => {
    expect(await (await stack.open(0, "no json")).closedWith()).toBe(closeCodes.badFrame);
    expect(await (await stack.open(0, { type: "hello", version: 99, client: "old" })).closedWith()).toBe(closeCodes.badFrame);
    const large = await stack.open();
    large.send("ping", { padding: "x".repeat(limits.frameBytes) });
    expect(await large.closedWith()).toBe(closeCodes.tooBig);
    const many = await stack.open();
    for (let count = 0; count < 1_000; count++) many.send("ping", {});
    expect(await many.closedWith()).toBe(closeCodes.tooMany);
  });

  it("cut off a reader who reads nothing, who comes back and has everything", async () => {
    const { client: slow, session } = await stack.signIn("anna");
    const senders = await Promise.all([1, 2, 3].map(async () => (await stack.signIn("boris")).client));
    const cutOff = async () => /^houseline_sockets_closed_total\{reason="slowReader"\} [1-9]/m.test(await (await fetch(`${stack.url()}/metrics`)).text());
    const last = slow.lastSeq;
    slow.socket.pause();
    let sent = 0;
    for (let n = 0; n < 300 && !await cutOff(); n++) {
      await Promise.all(senders.map((sender, lane) => sender.ask("sendMessage", { to: "anna", body: "あ".repeat(4_000), clientId: `slow ${lane} ${n}` })));
      sent += senders.length;
    }
    expect(await cutOff()).toBe(true);
    slow.socket.terminate();
    const back = await stack.open();
    expect(await back.ask("resume", { resumeToken: session.resumeToken, lastSeq: last })).toMatchObject({ replayed: true });
    await until(() => back.events("message").length === sent);
    for (const one of [back, ...senders]) one.socket.close();
  });

  it("refuse a page of another origin, and a path that is none", async () => {
    const status = (path: string, from: string) => new Promise<number>((resolve) => {
      const socket = new WebSocket(`ws://127.0.0.1:${stack.ports.app}${path}`, { origin: from });
      socket.on("unexpected-response", (_, response) => resolve(response.statusCode ?? 0)).on("error", () => {}).on("open", () => resolve(101));
    });
    expect(await status("/ws", "https://evil.example")).toBe(403);
    expect(await status("/other", origin)).toBe(404);
  });
});

describe("the web server", () => {
  const get = (path: string, options: RequestInit = {}) => fetch(`http://127.0.0.1:${stack.ports.app}${path}`, options);

  it("serves the page with a policy that allows no script but its own", async () => {
    const response = await get("/");
    expect(await response.text()).toContain("<title>page</title>");
    expect(response.headers.get("content-security-policy")).toMatch(/default-src 'none'; script-src 'self';.* connect-src 'self' ws:\/\/localhost:1;/);
    expect((await get("/", { headers: { "if-none-match": response.headers.get("etag")! } })).status).toBe(304);
  });

  it("serves nothing beside it", async () => {
    for (const path of ["/../secrets/esl-password", "/%2e%2e/secrets/esl-password", "//etc/passwd", "/nothing"]) expect((await get(path)).status, path).toBe(404);
    expect((await get("/", { method: "POST" })).status).toBe(405);
  });

  it("tells figures to Prometheus", async () => {
    const text = await (await get("/metrics")).text();
    expect(text).toMatch(/^houseline_switches_ready 0$/m);
    expect(text).toMatch(/^houseline_sessions \d+$/m);
  });
});

describe("the directory for the switch", () => {
  const ask = async (user: string, secret = "directory-secret") => {
    const response = await fetch(`http://127.0.0.1:${stack.ports.directory}/directory`, {
      method: "POST", headers: { authorization: `Basic ${btoa(`switch:${secret}`)}` }, body: new URLSearchParams({ user, domain: "test.internal", section: "directory" }),
    });
    return { status: response.status, body: await response.text() };
  };

  it("answers the switch alone", async () => {
    expect((await ask("anna", "guess")).status).toBe(401);
    expect((await ask("anna")).status).toBe(200);
  });

  it("has people by name and extension, and nobody else", async () => {
    expect((await ask("102")).body).toContain('<user id="boris" number-alias="102" cacheable="true">');
    expect((await ask("boris")).body).toContain("sofia_contact(*/boris@test.internal)");
    // Without it FreeSWITCH takes a user who has no password for authenticated, whatever they answer.
    expect((await ask("boris")).body).toContain('<param name="allow-empty-password" value="false"/>');
    for (const user of ["999", "nobody", "anna~guess", "<script>", ""]) expect((await ask(user)).body, user).toContain('status="not found"');
  });

  it("carries do not disturb", async () => {
    const { client } = await stack.signIn("clara");
    await client.ask("setDoNotDisturb", { on: true });
    expect((await ask("clara")).body).toContain('<variable name="do_not_disturb" value="true"/>');
    await client.ask("setDoNotDisturb", { on: false });
    expect((await ask("clara")).body).not.toContain("do_not_disturb");
    client.socket.close();
  });
});

describe("two releases side by side", () => {
  it("hand a session over: goodbye, another socket, the same session; and the old one ends with 0 within 10 s", async () => {
    const old = stack.servers[0]!;
    await stack.start(1);
    const { client, session } = await stack.signIn("anna");
    const { client: watcher } = await stack.signIn("dmitri", 1).catch(() => stack.signIn("boris", 1));
    old.process.kill("SIGTERM");
    await until(() => client.events("goodbye").length === 1);
    expect(await client.closedWith()).toBe(closeCodes.goingAway);
    const last = Math.max(...client.frames.flatMap((frame) => (frame.type === "event" ? [frame.seq] : [])));
    const back = await stack.open(1);
    const resumed = await back.ask("resume", { resumeToken: session.resumeToken, lastSeq: last });
    expect(resumed.session).toBe(session.session);
    expect(resumed.resumeToken).toBe(session.resumeToken);
    // The other person never saw anna go.
    expect(watcher.events("person").filter(({ data }) => JSON.stringify(data).includes('"anna"') && JSON.stringify(data).includes("offline"))).toEqual([]);
    await back.ask("setDoNotDisturb", { on: true });
    expect(back.frames.filter((frame) => frame.type === "event").every(({ seq }) => seq > last)).toBe(true);
    const started = Date.now();
    expect(await old.exited).toBe(0);
    expect(Date.now() - started).toBeLessThan(10_000);
    for (const one of [back, watcher]) one.socket.close();
  });

  it("tell pages of the servers on other hosts, and let the softphone connect to them", async () => {
    const servers = ["wss://phone2.example.com/ws", "wss://phone.example.com:8443/ws"];
    await stack.start(2, { HOUSELINE_SERVERS: servers.join(" ") });
    const { client, session } = await stack.signIn("clara", 2);
    expect(session.servers).toEqual(servers);
    expect((await fetch(stack.url(2))).headers.get("content-security-policy")).toContain("connect-src 'self' wss://phone2.example.com wss://phone.example.com:8443 ws://localhost:1;");
    client.socket.close();
  });

  it("log no secret", () => {
    for (const { output } of stack.servers) expect(output()).not.toMatch(/a-demo-password|esl-secret|directory-secret|resumeToken/);
  });
});

describe("a server that can't start", () => {
  it.each([
    ["HOUSELINE_SWITCHES", "nonsense", /HOUSELINE_SWITCHES must be JSON like/],
    ["HOUSELINE_SLOT", "7", /HOUSELINE_SLOT must be a whole number from 0 to 2/],
    ["HOUSELINE_SERVERS", "wss://phone.example.com/ws nonsense", /HOUSELINE_SERVERS must be at most eight URLs/],
    ["HOUSELINE_SECRETS", "/nowhere", /The secret \/nowhere\/esl-password can't be read/],
  ])("says what is wrong with %s, without a stack trace", async (name, value, sentence) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts")], {
      env: { PATH: process.env.PATH, HOUSELINE_SLOT: "2", HOUSELINE_DOMAIN: "x", HOUSELINE_ORIGINS: origin, HOUSELINE_SWITCHES: '[{"name":"a","eslHost":"h","eslPort":1,"sipUrl":"ws://h/sip"}]', HOUSELINE_SECRETS: join(stack.folder, "secrets"), [name]: value },
    });
    let output = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => { output += text; });
    expect(await new Promise((resolve) => child.on("exit", resolve))).toBe(1);
    expect(output).toMatch(sentence);
    expect(output).not.toMatch(/^\s+at /m);
  });
});
