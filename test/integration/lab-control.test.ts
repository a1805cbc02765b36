import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Desk } from "../freeswitch/desk.ts";
import type { Person } from "../freeswitch/directory.ts";
import { SipClient, type SipMessage } from "../freeswitch/sip-client.ts";
import { LabSwitch } from "../support/lab-switch.ts";
import { until } from "../support/until.ts";

const domain = "houseline.test";
const offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=sendrecv\r\n";
const people = ["anna", "boris", "clara"].map((name, index): Person => ({ name, extension: String(101 + index), authName: `${name}~1`, password: `of ${name}` }));

describe("call control over the lab switch", () => {
  let lab: LabSwitch;
  let desk: Desk;
  const clients = new Map<string, SipClient>();

  beforeAll(async () => {
    lab = await LabSwitch.start(domain, people, "CHANNEL_CREATE");
    desk = new Desk({ ports: () => ({ ws: 0, sip: 0, esl: lab.esl.port, rtp: 0 }), eslPassword: "esl-password" }, people);
    await desk.open();
    for (const { name, authName, password } of people) {
      const client = await SipClient.connect(lab.url, { domain, name, authName, password });
      expect((await client.register()).status).toBe(200);
      clients.set(name, client);
    }
  });
  afterAll(async () => {
    desk?.close();
    for (const client of clients.values()) client.close();
    await lab?.close();
  });

  const request = (name: string, method: string): Promise<SipMessage> => clients.get(name)!.next(method, ({ start }) => start.startsWith(`${method} `));
  async function talk(): Promise<string> {
    const invited = request("boris", "INVITE");
    const final = clients.get("anna")!.invite("102", offer);
    clients.get("boris")!.reply(await invited, "200 OK", ["Content-Type: application/sdp"], offer);
    expect((await final).status).toBe(200);
    return desk.inState("answered");
  }

  it("says in the switch's sentence what it can't do, and the call goes on", async () => {
    const call = await talk();
    for (const [name, params] of [["hold", { call }], ["mute", { call, on: true }], ["sendDigits", { call, digits: "5" }], ["conference", { call }], ["park", { call }], ["consult", { call, to: "clara" }]] as const) {
      await expect(desk.ask("anna", name, params as never), name).rejects.toMatchObject({ code: "unavailable", message: expect.stringMatching(/^The switch can't do that: .*lab switch/) });
    }
    expect(desk.call).toMatchObject({ id: call, state: "answered" });
    await desk.ask("anna", "hangup", { call });
    await desk.idle();
    expect(desk.told.at(-1)).toBe("anna>boris ended hung-up");
  });

  it("declines, and answers a stranger like a call that doesn't exist", async () => {
    const invited = request("boris", "INVITE");
    const final = clients.get("anna")!.invite("boris", offer);
    const invite = await invited;
    clients.get("boris")!.reply(invite, "180 Ringing");
    const call = await desk.inState("ringing");
    await until("boris's leg", () => desk.telephony.calls.get(call)!.legsOf("boris").length > 0);
    const strangers = await Promise.all([call, "00000000-0000-4000-8000-000000000000"].map((id) => desk.ask("clara", "hangup", { call: id }).catch((error: { code: string; message: string }) => `${error.code} ${error.message}`)));
    expect(new Set(strangers)).toEqual(new Set(["not-found There is no such call."]));
    const cancelled = request("boris", "CANCEL");
    await desk.ask("boris", "decline", { call });
    clients.get("boris")!.reply(await cancelled, "200 OK");
    clients.get("boris")!.reply(invite, "487 Request Terminated");
    expect((await final).status).toBeGreaterThanOrEqual(400);
    await desk.idle();
  });
});
