import { createConnection, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "./browser.ts";
import { mutate, seeded } from "./mutation.ts";
import { Scene } from "./scene.ts";
import { SipClient } from "./sip-client.ts";
import { aptSource, domain, secrets, skipReason } from "./stack.ts";
import { Wire, type Request } from "./wire.ts";

const people = { anna: { name: "anna", extension: "101", authName: "anna~k3f9", password: "one", hz: 2700 } } as const;
const boris = { name: "boris", extension: "102", authName: "boris~x1", password: "two" };
const vera = { name: "vera", extension: "103", authName: "vera~9", password: "three" };
const rooms = [{ name: "blue", number: "801", pin: "4711" }];
const plainSdp = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", "m=audio 4000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", ""].join("\r\n");
const messages = 3_000;
/** Whose flood it is: the edge slows down an address. */
const attacker = "127.0.0.66";

describe.skipIf(!aptSource)(`attacks on FreeSWITCH${skipReason && ` (skipped: ${skipReason})`}`, () => {
  let scene: Scene<keyof typeof people>;
  let mesh: number;
  /** Slot 0 as the world reaches it. */
  let edge: string;
  let pid: string;

  beforeAll(async () => {
    scene = await Scene.open(people, { others: [boris, vera], rooms });
    mesh = scene.stack.ports(0).sip;
    edge = await scene.stack.edge();
    pid = await scene.running.processId();
  });
  afterAll(async () => { await scene?.close(); });

  const strange: Request[] = [
    { method: "INVITE", to: "101", body: plainSdp }, { method: "REGISTER", to: "anna" }, { method: "SUBSCRIBE", to: "anna", headers: ["Event: presence", "Expires: 60"] },
    { method: "SUBSCRIBE", to: "anna", headers: ["Event: message-summary", "Expires: 60"] }, { method: "SUBSCRIBE", to: "anna", headers: ["Event: dialog", "Expires: 60"] },
    { method: "PUBLISH", to: "anna", headers: ["Event: presence"] }, { method: "MESSAGE", to: "anna", headers: ["Content-Type: text/plain"] },
    { method: "NOTIFY", to: "anna", headers: ["Event: check-sync"] }, { method: "UPDATE", to: "anna" }, { method: "BYE", to: "anna" }, { method: "PRACK", to: "anna" }, { method: "NONSENSE", to: "anna" },
  ];

  /** FreeSWITCH answers these by 2xx out of a dialog too, and does nothing. */
  const idle: Request[] = [{ method: "OPTIONS", to: "anna" }, { method: "INFO", to: "anna" }, { method: "REFER", to: "anna", headers: ["Refer-To: <sip:102@houseline.test>"] }];

  /** What Anna hears of herself over the echo, while something goes on: the longest silence, in milliseconds. */
  async function whileAnnaHearsHerself(goesOn: () => Promise<void>): Promise<number> {
    await scene.call("anna", "9196");
    await scene.hears("anna", "anna");
    await scene.pages.anna.evaluate(() => window.phone.memory.forget());
    await goesOn();
    const bytes = Buffer.from(await scene.pages.anna.evaluate(() => window.phone.memory.heard()), "base64");
    await scene.hears("anna", "anna");
    await scene.clear();
    expect(bytes.length).toBeGreaterThan(8_000);
    return longestSilence(new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)));
  }
  const stands = async () => {
    expect(await scene.running.inspect("{{.State.Running}} {{.RestartCount}}")).toBe("true 0");
    expect(await scene.running.processId()).toBe(pid);
  };
  const registrations = () => scene.running.command("sofia status profile houseline reg");

  it("refuses strangers, whatever they ask for, over WebSocket and over the mesh", async () => {
    const browser = await Wire.webSocket(scene.stack.url(0), domain);
    const peer = await Wire.udp(mesh, domain);
    try {
      for (const request of strange) {
        const event = request.headers?.[0] ?? "";
        for (const [where, wire] of [["WebSocket", browser], ["mesh", peer]] as const) {
          expect((await wire.ask(request)).status, `${request.method} ${event} over ${where}`).toBeGreaterThanOrEqual(400);
        }
      }
      for (const request of idle) {
        const { body, headers } = await browser.ask(request);
        expect([body, headers.get("user-agent")?.[0] ?? "Houseline"], request.method).toEqual(["", "Houseline"]);
      }
      expect(await scene.running.command("show channels")).toMatch(/^\s*0 total/m);
    } finally {
      browser.close();
      peer.close();
    }
  });

  it("signs nobody in without a password: not as a person, an extension, a room, nor under somebody else's auth name", async () => {
    const wire = await Wire.webSocket(scene.stack.url(0), domain);
    try {
      for (const authName of ["boris", "102", "room-blue", "801", "boris~x1", "boris~guess", "~mesh", "nobody", ""]) {
        for (const password of ["", "guess"]) {
          for (const method of ["REGISTER", "INVITE"]) {
            expect((await wire.ask({ method, to: "boris", body: method === "INVITE" ? plainSdp : "" }, { authName, password })).status, `${method} as '${authName}'`).toBeGreaterThanOrEqual(400);
          }
        }
      }
      expect(await registrations()).not.toContain("boris@");
    } finally {
      wire.close();
    }
  });

  it("takes who authenticated for who calls, and passes on no header of a browser's", async () => {
    const callee = await SipClient.connect(scene.stack.url(0), { domain, ...boris });
    const forger = await SipClient.connect(scene.stack.url(0), { domain, ...vera, name: "anna" });
    try {
      await callee.register();
      const invited = callee.next("the call", ({ start }) => start.startsWith("INVITE"));
      const outcome = forger.invite("boris", plainSdp, ['P-Asserted-Identity: "Anna" <sip:101@x>', 'P-Preferred-Identity: "Anna" <sip:101@x>', 'Remote-Party-ID: "Anna" <sip:101@x>;party=calling',
        "X-Houseline-Person: anna", "X-Resume: 1", "Diversion: <sip:101@x>", "X-Anything: anna"]);
      const invite = await invited;
      callee.reply(invite, "486 Busy Here");
      await outcome;
      expect(invite.headers.get("from")?.[0]).toMatch(/^"vera" <sip:103@/);
      // The switch's own name of the call goes to every device.
      expect(invite.headers.get("x-houseline-call")?.[0]).toMatch(/^[0-9a-f-]{36}$/);
      const everything = [...invite.headers].filter(([name]) => name !== "x-houseline-call").map(([name, values]) => `${name}: ${values.join()}`).join("\n");
      expect(everything).not.toMatch(/anna|sip:101|x-houseline|x-resume|x-anything|diversion/i);
    } finally {
      forger.close();
      callee.close();
    }
  });

  it("dials no contact that is more than a plain SIP URI", async () => {
    const contacts = ["<sip:x,loopback/9196/default@h.invalid;transport=ws>", "<sip:x@h.invalid;transport=ws;a=b,[api_on_originate='global_setvar taken=yes']loopback/9196/default>",
      "<sip:${global_setvar(taken=yes)}@h.invalid;transport=ws>", "<sip:~mesh@mesh.houseline.test;transport=ws>", "<sip:%7emesh@mesh.houseline.test;transport=ws>"];
    for (const contact of contacts) {
      const wire = await Wire.webSocket(scene.stack.url(0), domain);
      const caller = await SipClient.connect(scene.stack.url(0), { domain, ...vera });
      const plain = wire.request.bind(wire);
      wire.request = (...words: Parameters<Wire["request"]>) => plain(...words).replace(/^Contact: .*$/m, `Contact: ${contact}`);
      await wire.ask({ method: "REGISTER", to: "boris", from: "boris", headers: ["Expires: 60"] }, boris);
      expect(await registrations(), contact).toContain("boris@");
      expect((await caller.invite("boris", plainSdp)).headers.get("reason")?.[0], contact).toMatch(/USER_NOT_REGISTERED/);
      expect(await scene.running.command(`originate {originate_timeout=1}user/boris@${domain} &park`), contact).toContain("USER_NOT_REGISTERED");
      expect(await scene.running.command("global_getvar taken")).not.toContain("yes");
      wire.close();
      caller.close();
      await until("the registration gone", async () => !(await registrations()).includes("boris@"));
    }
  });

  it("lets nobody into the mesh by the secret or the address alone", async () => {
    const account = (authName: string, password: string) => ({ authName, password });
    const call: Request = { method: "INVITE", to: "room-none", body: plainSdp, headers: ["X-Houseline-Person: anna"] };
    const status = async (from: string, as?: { authName: string; password: string }) => {
      const wire = await Wire.udp(mesh, domain, from);
      try {
        return (await wire.ask(call, as)).status;
      } finally {
        wire.close();
      }
    };
    const secret = secrets["mesh-password"];
    expect(await status("127.0.0.1")).toBe(407);
    expect(await status("127.0.0.1", account("~mesh", "guess"))).toBe(403);
    expect(await status("127.0.0.9", account("~mesh", secret))).toBe(403);
    expect(await status("127.0.0.1", account(boris.authName, boris.password))).toBe(403);
    // A peer gets as far as being told that the room isn't here.
    expect(await status("127.0.0.1", account("~mesh", secret))).toBe(404);
  });

  it(`stands ${2 * messages} mutated messages while a call goes on, and keeps no memory of them`, async () => {
    const random = seeded(20_261_125);
    const templates = [...strange, ...idle, { method: "ACK", to: "anna" }, { method: "CANCEL", to: "anna" }] as const;
    const round = async () => {
      for (let batch = 0; batch < 10; batch++) {
        // Past the edge, whose gate would keep most of them from the switch.
        const [browser, peer] = await Promise.all([Wire.webSocket(scene.stack.url(0), domain), Wire.udp(mesh, domain)]);
        for (let i = 0; i < messages / 20; i++) {
          for (const wire of [browser, peer]) {
            const request = templates[Math.floor(random() * templates.length)]!;
            const whole = random() < 0.1 ? `SIP/2.0 ${100 + Math.floor(random() * 600)} What\r\n${wire.request(request)}` : wire.request(request);
            wire.raw(mutate(whole, random));
          }
          if (i % 25 === 0) await new Promise((resolve) => setTimeout(resolve, 10));
        }
        // On another connection: this one may have been closed for what was on it.
        const asking = await Wire.webSocket(scene.stack.url(0), domain);
        await asking.ask({ method: "OPTIONS", to: "anna" });
        for (const wire of [asking, browser, peer]) wire.close();
      }
    };
    const memory: number[] = [];
    const silence = await whileAnnaHearsHerself(async () => {
      await round();
      memory.push(await scene.running.memory());
      await round();
      memory.push(await scene.running.memory());
    });
    console.log(`longest silence ${silence} ms; resident after each half: ${memory.map((bytes) => (bytes / 1e6).toFixed(1)).join(", ")} MB`);
    await stands();
    expect(silence).toBeLessThan(200);
    expect(memory[1]! - memory[0]!).toBeLessThan(20e6);
    await signsIn();
  });

  it("stands frames that are too big, that never end, and that are none", async () => {
    const open: Socket[] = [];
    const before = await scene.running.memory();
    const silence = await whileAnnaHearsHerself(async () => {
      const wire = await Wire.webSocket(edge, domain, attacker);
      wire.raw(`MESSAGE sip:a@${domain} SIP/2.0\r\n${"X: y\r\n".repeat(200_000)}\r\n`);
      const upgrade = `GET /sip/0 HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\n\r\n`;
      const frames = [
        Buffer.from([0x81, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4]), Buffer.from([0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), Buffer.from([0x01, 0x81, 1, 2, 3, 4, 0]),
        Buffer.from([0x89, 0xfe, 0xff, 0xff, 1, 2, 3, 4]), Buffer.from([0x8f, 0x80]), Buffer.from([0xf1, 0x7f]), Buffer.from([0x81, 0x05, 0x41, 0x41]), Buffer.alloc(70_000, 0x81),
      ];
      for (const frame of frames) open.push(await knock(edge, upgrade, frame));
      for (const text of ["\0".repeat(100), "GET / HTTP/1.1\r\n", `GET /${"A".repeat(100_000)} HTTP/1.1\r\n\r\n`, `${upgrade.slice(0, -2)}${"X: y\r\n".repeat(20_000)}\r\n`]) open.push(await knock(edge, text));
      // Connections that say nothing.
      for (let i = 0; i < 100; i++) open.push(await knock(edge, upgrade));
      await signsIn();
      wire.close();
    });
    const memory = await scene.running.memory();
    console.log(`longest silence ${silence} ms; resident ${(before / 1e6).toFixed(1)} MB before, ${(memory / 1e6).toFixed(1)} MB with ${open.length} bad connections open`);
    for (const socket of open) socket.destroy();
    await stands();
    expect(silence).toBeLessThan(200);
    expect(memory - before).toBeLessThan(30e6);
  });

  it("serves a call in progress and a new sign-in through a flood of REGISTERs and wrong passwords", async () => {
    const before = await scene.running.memory();
    let waited = 0;
    let registers = 0;
    let guesses = 0;
    const seconds = 15;
    const silence = await whileAnnaHearsHerself(async () => {
      const began = Date.now();
      const isOver = () => Date.now() - began > seconds * 1_000;
      const flood = Array.from({ length: 5 }, async (_, index) => {
        const wire = await Wire.webSocket(edge, domain, attacker);
        const guess = async (i: number) => {
          const { status } = await wire.ask({ method: "REGISTER", to: "boris" }, { authName: boris.authName, password: `guess ${index} ${i}` }, 60_000);
          expect(status).toBe(403);
          guesses++;
        };
        for (let i = 0; !isOver(); i++) {
          if (i % 5 === 0) void guess(i).catch(() => undefined);
          wire.raw(wire.request({ method: "REGISTER", to: `u${index}-${i}` }));
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
        registers += wire.received;
        wire.close();
      });
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      const asked = Date.now();
      await signsIn();
      waited = Date.now() - asked;
      await Promise.all(flood);
    });
    const memory = await scene.running.memory();
    console.log(`${registers} answers and ${guesses} guesses in ${seconds} s; longest silence ${silence} ms; a sign-in meanwhile took ${waited} ms; resident ${(before / 1e6).toFixed(1)} MB before, ${(memory / 1e6).toFixed(1)} MB after`);
    await stands();
    expect(silence).toBeLessThan(200);
    expect(waited).toBeLessThan(5_000);
    // Five at once, then one every 12 s.
    expect(guesses).toBeGreaterThan(0);
    expect(guesses).toBeLessThanOrEqual(5 + seconds / 12 + 1);
    expect(await registrations()).not.toContain("boris@");
  });

  async function signsIn(): Promise<void> {
    const client = await SipClient.connect(edge, { domain, ...vera });
    expect((await client.register()).status).toBe(200);
    await client.register(0);
    client.close();
  }
});

/** A connection on which these were written; errors are the other side's good right. */
async function knock(url: string, ...written: (string | Buffer)[]): Promise<Socket> {
  const socket = createConnection({ port: Number(new URL(url).port), host: "127.0.0.1", localAddress: attacker });
  socket.on("error", () => undefined);
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  for (const piece of written) {
    socket.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return socket;
}

/** In milliseconds; 8000 samples a second. */
function longestSilence(samples: Int16Array): number {
  let longest = 0;
  let run = 0;
  for (let at = 0; at + 80 <= samples.length; at += 80) {
    const loud = samples.subarray(at, at + 80).some((value) => Math.abs(value) > 500);
    run = loud ? 0 : run + 10;
    longest = Math.max(longest, run);
  }
  return longest;
}
