import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EslCommand } from "../../app/server/switch/commands.ts";
import { EslLink, type SwitchEvent } from "../../app/server/switch/esl-link.ts";
import { TestDirectory, type Person } from "../freeswitch/directory.ts";
import { SipClient, type SipMessage } from "../freeswitch/sip-client.ts";
import { freePorts } from "../support/ports.ts";
import { until } from "../support/until.ts";

const domain = "lab.test";
const offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=sendrecv\r\n";
const answer = offer.replace("o=- 1 1", "o=- 2 2");
const people = ["anna", "boris", "vera", "gleb"].map((name, index): Person => ({ name, extension: String(101 + index), authName: `${name}~1`, password: `of ${name}` }));
const dora: Person = { name: "dora", extension: "105", authName: "dora~1", password: "of dora", doNotDisturb: true };

describe("the lab switch, as a process", () => {
  let folder: string;
  let directory: TestDirectory;
  let child: ChildProcess;
  let url: string;
  let esl: EslLink;
  let output = "";
  const events: SwitchEvent[] = [];
  const clients: SipClient[] = [];

  async function start(environment: Record<string, string> = {}): Promise<void> {
    const base = await freePorts(2);
    child = spawn(process.execPath, [join(import.meta.dirname, "../../app/lab-switch/main.ts")], {
      stdio: ["ignore", "pipe", "inherit"],
      env: {
        PATH: process.env.PATH, HOUSELINE_RUN_DIR: join(folder, "run"), HOUSELINE_SECRETS_DIR: join(folder, "secrets"), HOUSELINE_DOMAIN: domain, HOUSELINE_DIRECTORY_URLS: url,
        HOUSELINE_WS_PORT: String(base), HOUSELINE_ESL_PORT: String(base + 1), ...environment,
      },
    });
    child.stdout!.setEncoding("utf8").on("data", (text: string) => { output += text; });
    url = `ws://127.0.0.1:${base}`;
    esl = new EslLink("127.0.0.1", base + 1, "esl-password", "CHANNEL_CREATE CHANNEL_ANSWER CHANNEL_BRIDGE CHANNEL_HANGUP_COMPLETE SHUTDOWN_REQUESTED CUSTOM sofia::register");
    esl.on("event", (event) => events.push(event));
    esl.start();
    await until("ESL", () => esl.up);
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "houseline-lab-"));
    await mkdir(join(folder, "run"));
    await mkdir(join(folder, "secrets"));
    await writeFile(join(folder, "run/slot"), "0");
    await writeFile(join(folder, "secrets/esl-password"), "esl-password");
    await writeFile(join(folder, "secrets/directory-password"), "directory-password");
    directory = new TestDirectory(domain, "directory-password", [...people, dora]);
    url = await directory.listen();
    await start({ HOUSELINE_RING_SECONDS: "2" });
  });
  afterAll(async () => {
    for (const client of clients) client.close();
    esl?.close();
    child?.kill("SIGKILL");
    await directory?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function device(person: Person, password = person.password): Promise<SipClient> {
    const client = await SipClient.connect(url, { domain, name: person.name, authName: person.authName, password });
    clients.push(client);
    return client;
  }
  async function registered(index: number): Promise<SipClient> {
    const client = await device(people[index]!);
    expect((await client.register()).status).toBe(200);
    return client;
  }
  const request = (client: SipClient, method: string) => client.next(method, ({ start }) => start.startsWith(`${method} `));
  const api = (...words: string[]) => esl.api(EslCommand.of(...words));
  const idle = () => until("no channel", async () => (JSON.parse(await api("show", "channels", "as", "json")) as { row_count: number }).row_count === 0);

  /** A call that `callee` answers; the leg of the caller, and what the caller was told. */
  async function connected(caller: SipClient, callee: SipClient, to: string): Promise<{ leg: string; response: SipMessage }> {
    const since = events.length;
    const invited = request(callee, "INVITE");
    const final = caller.invite(to, offer);
    const invite = await invited;
    callee.reply(invite, "180 Ringing");
    callee.reply(invite, "200 OK", ["Content-Type: application/sdp"], answer);
    const response = await final;
    const bridge = await until("a bridge", () => events.slice(since).find((event) => event["Event-Name"] === "CHANNEL_BRIDGE"));
    return { leg: String(bridge["Unique-ID"]), response };
  }

  it("registers who authenticates, refuses a wrong password", async () => {
    await registered(0);
    await until("the event", () => events.some((event) => event["Event-Subclass"] === "sofia::register" && event["from-user"] === "anna"));
    expect((await (await device(people[0]!, "wrong")).register()).status).toBe(403);
  });

  it("connects two people by extension: the offer goes one way, the answer the other; hanging up by ESL tells both", async () => {
    const [anna, boris] = [await registered(0), await registered(1)];
    const { leg, response } = await connected(anna, boris, "102");
    expect([response.status, response.body]).toEqual([200, answer]);
    const create = events.findLast((event) => event["Event-Name"] === "CHANNEL_CREATE" && event["Call-Direction"] === "outbound")!;
    expect(create["Other-Leg-Unique-ID"]).toBe(leg);
    const byes = [request(anna, "BYE"), request(boris, "BYE")];
    await api("uuid_kill", leg);
    for (const bye of await Promise.all(byes)) expect(bye.headers.get("reason")?.[0]).toContain("NORMAL_CLEARING");
    await idle();
  });

  it.each([
    ["603 Decline", 603, "CALL_REJECTED"], ["486 Busy Here", 486, "USER_BUSY"],
  ])("ends a call that is answered with %s with the same, and the cause in ESL", async (reply, status, cause) => {
    const [anna, boris] = [await registered(0), await registered(1)];
    for (const client of clients) if (client !== anna && client !== boris) client.close();
    const invited = request(boris, "INVITE");
    const final = anna.invite("boris", offer);
    boris.reply(await invited, reply);
    expect((await final).status).toBe(status);
    await idle();
    expect(events.findLast((event) => event["Event-Name"] === "CHANNEL_HANGUP_COMPLETE" && event["Call-Direction"] === "inbound")!["Hangup-Cause"]).toBe(cause);
  });

  it("rings every device, and tells the others who answered elsewhere", async () => {
    const anna = await registered(0);
    const [one, other] = [await registered(2), await registered(2)];
    const invites = [request(one, "INVITE"), request(other, "INVITE")];
    const final = anna.invite("vera", offer);
    const [first, second] = await Promise.all(invites) as [SipMessage, SipMessage];
    one.reply(first, "180 Ringing");
    other.reply(second, "180 Ringing");
    const cancelled = request(other, "CANCEL");
    one.reply(first, "200 OK", ["Content-Type: application/sdp"], answer);
    expect((await final).status).toBe(200);
    const cancel = await cancelled;
    expect(cancel.headers.get("reason")?.[0]).toContain("cause=200");
    other.reply(second, "487 Request Terminated");
    await api("hupall");
    await idle();
  });

  it("ends calls to nobody, to the offline, to who wants quiet, and to who does not answer, each with its own answer", async () => {
    const anna = await registered(0);
    expect((await anna.invite("999", offer)).status).toBe(404);
    expect((await anna.invite("gleb", offer)).headers.get("reason")?.[0]).toContain("USER_NOT_REGISTERED");
    expect((await anna.invite("dora", offer)).start).toContain("480 Do Not Disturb");
    const boris = await registered(1);
    for (const client of clients) if (client !== anna && client !== boris) client.close();
    const invited = request(boris, "INVITE");
    const final = anna.invite("boris", offer);
    boris.reply(await invited, "180 Ringing");
    expect((await final).headers.get("reason")?.[0]).toContain("NO_ANSWER");
    await idle();
  });

  it("says in a sentence what it does not have", async () => {
    await expect(api("conference", "list")).rejects.toThrow("is not in the lab switch: it needs FreeSWITCH");
    await expect(api("uuid_kill", "nothing")).rejects.toThrow("No such channel");
    expect(await api("version")).toContain("lab-switch");
  });

  it("cuts off what is not SIP, and who is not let in by ESL", async () => {
    const socket = new WebSocket(url, "sip");
    await new Promise((resolve) => socket.addEventListener("open", resolve));
    const closed = new Promise<CloseEvent>((resolve) => socket.addEventListener("close", resolve));
    socket.send("GET / HTTP/1.1\r\n\r\n");
    expect((await closed).code).toBe(1007);
    const stranger = new EslLink("127.0.0.1", esl.port, "guess", "HEARTBEAT", { backOffMs: { first: 60_000, most: 60_000 } });
    stranger.start();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(stranger.up).toBe(false);
    stranger.close();
  });

  it("drains: the call goes on, strangers get 503, and the process ends with 0 after the last call", async () => {
    const [anna, boris, gleb] = [await registered(0), await registered(1), await registered(3)];
    for (const client of clients) if (![anna, boris, gleb].includes(client)) client.close();
    const { leg } = await connected(anna, boris, "boris");
    const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
    child.kill("SIGTERM");
    await until("the event", () => events.some((event) => event["Event-Name"] === "SHUTDOWN_REQUESTED"));
    expect((await api("global_getvar", "houseline_draining")).trim()).toBe("true");
    expect((await gleb.invite("anna", offer)).status).toBe(503);
    expect((await gleb.register()).status).toBe(200);
    expect((await api("uuid_exists", leg)).trim()).toBe("true");
    const started = Date.now();
    await api("uuid_kill", leg);
    expect(await ended).toBe(0);
    expect(Date.now() - started).toBeLessThan(4_000);
    expect(output).not.toMatch(/directory-password|esl-password|of anna/);
  });
});
