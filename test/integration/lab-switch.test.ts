import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EslCommand } from "../../app/server/switch/commands.ts";
import { EslLink, type SwitchEvent } from "../../app/server/switch/esl-link.ts";
import type { Person } from "../freeswitch/directory.ts";
import { SipClient, type SipMessage } from "../freeswitch/sip-client.ts";
import { LabSwitch } from "../support/lab-switch.ts";
import { until } from "../support/until.ts";

const domain = "lab.test";
const offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=sendrecv\r\n";
const answer = offer.replace("o=- 1 1", "o=- 2 2");
const people = ["anna", "boris", "vera", "gleb"].map((name, index): Person => ({ name, extension: String(101 + index), authName: `${name}~1`, password: `of ${name}` }));
const dora: Person = { name: "dora", extension: "105", authName: "dora~1", password: "of dora", doNotDisturb: true };

describe("the lab switch, as a process", () => {
  let lab: LabSwitch;
  let esl: EslLink;
  const events: SwitchEvent[] = [];
  const clients: SipClient[] = [];

  beforeAll(async () => {
    lab = await LabSwitch.start(domain, [...people, dora], "CHANNEL_CREATE CHANNEL_ANSWER CHANNEL_BRIDGE CHANNEL_HANGUP_COMPLETE SHUTDOWN_REQUESTED CUSTOM sofia::register", { HOUSELINE_RING_SECONDS: "2" });
    ({ esl } = lab);
    esl.on("event", (event) => events.push(event));
  });
  afterAll(async () => {
    for (const client of clients) client.close();
    await lab?.close();
  });

  async function device(person: Person, password = person.password): Promise<SipClient> {
    const client = await SipClient.connect(lab.url, { domain, name: person.name, authName: person.authName, password });
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

  it("connects who was called with whoever the caller transfers them to: the new one's offer, their answer", async () => {
    const [anna, boris, vera] = [await registered(0), await registered(1), await registered(2)];
    for (const client of clients) if (![anna, boris, vera].includes(client)) client.close();
    const { response } = await connected(anna, boris, "102");
    const [invited, reinvited, bye] = [request(vera, "INVITE"), request(boris, "INVITE"), request(anna, "BYE")];
    expect((await anna.within(anna.dialled(response), "REFER", [`Refer-To: <sip:103@${domain}>`])).status).toBe(202);
    await bye;
    const invite = await invited;
    expect(invite.headers.get("from")?.[0]).toContain("<sip:102@");
    vera.reply(invite, "180 Ringing");
    const acknowledged = request(vera, "ACK");
    vera.reply(invite, "200 OK", ["Content-Type: application/sdp"], offer);
    const again = await reinvited;
    expect(again.body).toBe(offer);
    boris.reply(again, "200 OK", ["Content-Type: application/sdp"], answer);
    expect((await acknowledged).body).toBe(answer);
    const gone = request(boris, "BYE");
    await vera.within(vera.answered(invite), "BYE");
    await gone;
    await idle();
  });

  it("ends the call of who was transferred to somebody busy, and refuses an attended transfer", async () => {
    const [anna, boris, vera] = [await registered(0), await registered(1), await registered(2)];
    for (const client of clients) if (![anna, boris, vera].includes(client)) client.close();
    const { leg, response } = await connected(anna, boris, "102");
    const dialog = anna.dialled(response);
    expect((await anna.within(dialog, "REFER", [`Refer-To: <sip:103@${domain}?Replaces=x%3Bto-tag%3Dy>`])).start).toContain("501 Attended transfer is not in the lab switch");
    const [invited, bye] = [request(vera, "INVITE"), request(boris, "BYE")];
    expect(await api("uuid_transfer", leg, "-bleg", "vera", "XML", "default")).toBe("+OK\n");
    vera.reply(await invited, "486 Busy Here");
    expect((await bye).headers.get("reason")?.[0]).toContain("USER_BUSY");
    await idle();
  });

  it.each([
    "conference list", "originate user/anna &park", "uuid_bridge a b", "uuid_hold a", "uuid_record a start /tmp/a.wav", "uuid_broadcast a tone_stream://%(100,0,400)", "uuid_park a",
    "valet_info", "vm_list anna", "fsctl shutdown", "reloadxml", "sofia profile houseline restart", "show calls", "uuid_transfer a -both anna",
  ])("refuses '%s' in a sentence", async (command) => {
    const error = await api(...command.split(" ")).then(String, (error: Error) => error.message);
    expect(error).toMatch(/ is not in the lab switch: it needs FreeSWITCH$|The lab switch |No such channel!$/);
  });

  it("names itself, so that nobody takes it for FreeSWITCH", async () => {
    expect(await api("version")).toContain("lab-switch");
  });

  it("cuts off what is not SIP, and who is not let in by ESL", async () => {
    const socket = new WebSocket(lab.url, "sip");
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
    const ended = new Promise<number | null>((resolve) => lab.child.on("exit", resolve));
    lab.child.kill("SIGTERM");
    await until("the event", () => events.some((event) => event["Event-Name"] === "SHUTDOWN_REQUESTED"));
    expect((await api("global_getvar", "houseline_draining")).trim()).toBe("true");
    // Pages that have not moved yet are not refused at once.
    expect((await gleb.invite("dora", offer)).status).toBe(480);
    await until("refusals", async () => (await gleb.invite("anna", offer)).status === 503, 15_000);
    expect((await gleb.register()).status).toBe(200);
    expect((await api("uuid_exists", leg)).trim()).toBe("true");
    const started = Date.now();
    await api("uuid_kill", leg);
    expect(await ended).toBe(0);
    expect(Date.now() - started).toBeLessThan(4_000);
    expect(lab.output).not.toMatch(/directory-password|esl-password|of anna/);
  });
});
