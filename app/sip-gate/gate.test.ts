import { createConnection } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { bounds } from "./bounds.ts";
import { Gate } from "./gate.ts";
import { Guesses } from "./guesses.ts";
import { glance } from "./sip.ts";

const message = (method: string, headers: string[] = []) => [`${method} sip:boris@a.internal SIP/2.0`, `CSeq: 1 ${method}`, ...headers, "", ""].join("\r\n");
const credentials = (name: string) => `Authorization: Digest username="${name}", realm="a.internal", response="0"`;

async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe("the gate before a made switch", () => {
  let behind: WebSocketServer;
  let gate: Gate;
  let port: number;
  let log: Record<string, unknown>[];
  /** What came to the switch, with the time. */
  let arrived: { text: string; at: number }[];
  let answer: (text: string, socket: WebSocket) => string | undefined | void;
  let open: WebSocket[];

  beforeEach(async () => {
    arrived = [];
    log = [];
    open = [];
    answer = () => undefined;
    behind = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => "sip" });
    behind.on("connection", (socket) => socket.on("message", (data) => {
      const text = String(data);
      arrived.push({ text, at: Date.now() });
      const reply = answer(text, socket);
      if (reply) socket.send(reply);
    }));
    await new Promise((resolve) => behind.once("listening", resolve));
    gate = new Gate([`127.0.0.1:${(behind.address() as { port: number }).port}`, "127.0.0.1:1"], (_, about) => log.push(about));
    port = await gate.listen("0");
  });
  afterEach(() => {
    for (const socket of open) socket.terminate();
    gate.close();
    for (const socket of behind.clients) socket.terminate();
    behind.close();
  });

  const connect = (address = "192.0.2.1", path = "/sip/0") => new Promise<WebSocket>((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, "sip", { headers: { "x-forwarded-for": address } });
    open.push(socket);
    socket.once("open", () => resolve(socket)).once("unexpected-response", (_, { statusCode }) => reject(new Error(String(statusCode)))).once("error", reject);
  });
  const closed = (socket: WebSocket) => new Promise<number>((resolve) => socket.once("close", resolve));

  it("passes messages on both ways, text as text, and a goodbye with its code", async () => {
    const socket = await connect();
    const back = new Promise<string>((resolve) => socket.once("message", (data, isBinary) => resolve(`${isBinary} ${String(data)}`)));
    answer = () => "SIP/2.0 200 OK\r\nCSeq: 1 OPTIONS\r\n\r\n";
    socket.send(message("OPTIONS"));
    expect(await back).toBe("false SIP/2.0 200 OK\r\nCSeq: 1 OPTIONS\r\n\r\n");
    expect(arrived.map(({ text }) => text)).toEqual([message("OPTIONS")]);
    for (const client of behind.clients) client.close(1001);
    expect(await closed(socket)).toBe(1001);
    const next = await connect();
    next.close(1000);
    await until(() => behind.clients.size === 0);
  });

  it("told to go, says goodbye to whoever has nothing under way, and to the others when their call is set up", async () => {
    const [idle, caller, callee] = await Promise.all([connect(), connect("192.0.2.2"), connect("192.0.2.3")]);
    const gone: string[] = [];
    for (const [name, socket] of [["idle", idle], ["caller", caller], ["callee", callee]] as const) socket.once("close", (code) => gone.push(`${name} ${code}`));
    const invite = (callId: string) => message("INVITE", [`Call-ID: ${callId}`]);
    const ack = (callId: string) => message("ACK", [`Call-ID: ${callId}`]);
    caller.send(invite("one"));
    await until(() => arrived.length === 1);
    const rings = new Promise((resolve) => callee.once("message", resolve));
    for (const client of behind.clients) client.send(invite("two"));
    await rings;
    // The idle one and the caller were rung up as well.
    idle.send(ack("two"));
    caller.send(ack("two"));
    const over = gate.drain();
    await until(() => gone.length === 1);
    expect(gone).toEqual(["idle 1001"]);
    await expect(connect()).rejects.toThrow("503");
    await new Promise((resolve) => setTimeout(resolve, 2 * bounds.quietMs));
    caller.send("SIP/2.0 180 Ringing\r\nCall-ID: two\r\nCSeq: 1 INVITE\r\n\r\n");
    caller.send(ack("one"));
    await until(() => gone.length === 2);
    expect(gone).toEqual(["idle 1001", "caller 1001"]);
    callee.send(ack("two"));
    await over;
    await until(() => gone.length === 3);
  });

  it("refuses a slot that does not answer, and one that is none, before the WebSocket is open", async () => {
    await expect(connect("192.0.2.1", "/sip/1")).rejects.toThrow("502");
    await expect(connect("192.0.2.1", "/sip/7")).rejects.toThrow("404");
    await expect(connect("192.0.2.1", "/")).rejects.toThrow("404");
  });

  it("keeps a frame that never ends from the switch", async () => {
    const socket = createConnection({ port, host: "127.0.0.1" });
    socket.on("error", () => {});
    socket.write("GET /sip/0 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\n\r\n");
    await new Promise((resolve) => socket.once("data", resolve));
    const raw = new Promise<number>((resolve) => {
      let bytes = 0;
      for (const client of behind.clients) (client as unknown as { _socket: NodeJS.ReadableStream })._socket.on("data", (data: Buffer) => { bytes += data.length; });
      setTimeout(() => resolve(bytes), 200);
    });
    socket.write(Buffer.from([0x81, 0xfe, 0x10, 0x00, 1, 2, 3, 4, 5]));
    expect(await raw).toBe(0);
    socket.destroy();
    await until(() => behind.clients.size === 0);
  });

  it("closes on who sends no SIP, or a message beyond the bound", async () => {
    const strange = await connect();
    strange.send("GET / HTTP/1.1\r\n\r\n");
    expect(await closed(strange)).toBe(1002);
    const big = await connect();
    big.send(message("MESSAGE", ["X: ".padEnd(bounds.messageBytes, "y")]));
    expect(await closed(big)).toBe(1009);
    expect(arrived).toEqual([]);
  });

  it("slows down who guesses passwords, by name on every connection, and nobody who has signed in", async () => {
    answer = (text) => text.includes("\"right\"") ? "SIP/2.0 200 OK\r\nCSeq: 1 REGISTER\r\n\r\n" : "SIP/2.0 403 Forbidden\r\nCSeq: 1 REGISTER\r\n\r\n";
    const guesser = await connect();
    for (let n = 0; n < bounds.guessesOfName + 3; n++) guesser.send(message("REGISTER", [credentials("boris")]));
    await until(() => arrived.length === bounds.guessesOfName);
    const another = await connect("192.0.2.2");
    another.send(message("REGISTER", [credentials("boris")]));
    const right = await connect();
    for (let n = 0; n < 50; n++) right.send(message("REGISTER", [credentials("right")]));
    await until(() => arrived.length === bounds.guessesOfName + 50);
    expect(arrived.filter(({ text }) => text.includes("boris\"")).length).toBe(bounds.guessesOfName);
  });

  it("lets an office sign in as fast as its switch takes them, with no more unproven passwords on their way than may be guessed", async () => {
    let [pending, most] = [0, 0];
    answer = (_, socket) => {
      most = Math.max(most, ++pending);
      setTimeout(() => {
        pending--;
        socket.send("SIP/2.0 200 OK\r\nCSeq: 1 REGISTER\r\n\r\n");
      }, 20);
    };
    const sockets = await Promise.all(Array.from({ length: 3 * bounds.guessesOfAddress }, () => connect()));
    const began = Date.now();
    await Promise.all(sockets.map((socket, n) => {
      const signedIn = new Promise((resolve) => socket.once("message", resolve));
      socket.send(message("REGISTER", [credentials(`person${n}`)]));
      return signedIn;
    }));
    expect(most).toBe(bounds.guessesOfAddress);
    expect(Date.now() - began).toBeLessThan(bounds.addressGuessEveryMs);
  });

  it("slows down a flood on one connection, and loses none of it", async () => {
    const [flooding, quiet] = [await connect(), await connect("192.0.2.2")];
    const began = Date.now();
    for (let n = 0; n < bounds.messageBurst + 30; n++) flooding.send(message("OPTIONS", [`X: ${n}`]));
    quiet.send(message("INFO"));
    await until(() => arrived.some(({ text }) => text.startsWith("INFO")));
    expect(arrived.length).toBeLessThan(bounds.messageBurst + 30);
    await until(() => arrived.length === bounds.messageBurst + 31);
    expect(Date.now() - began).toBeGreaterThan(25 * bounds.messageEveryMs);
    const order = arrived.flatMap(({ text }) => /X: (\d+)/.exec(text)?.[1] ?? []);
    expect(order).toEqual([...order.keys()].map(String));
  });

  it("takes who comes by IPv6 to the slots for that, and counts their whole network as one", async () => {
    const second = new WebSocketServer({ port: 0, host: "127.0.0.2", handleProtocols: () => "sip" });
    await new Promise((resolve) => second.once("listening", resolve));
    const both = new Gate([`127.0.0.1:${(behind.address() as { port: number }).port}`], () => undefined, [`127.0.0.2:${(second.address() as { port: number }).port}`]);
    const first = port;
    try {
      port = await both.listen("0");
      await connect("192.0.2.9");
      await connect("2001:db8:1:2::9");
      expect([behind.clients.size, second.clients.size]).toEqual([1, 1]);
      for (let n = 1; n < bounds.strangersOfAddress; n++) await connect(`2001:db8:1:2::${n.toString(16)}`);
      await expect(connect("2001:db8:1:2:3::1")).rejects.toThrow("429");
      await connect("2001:db8:1:3::1");
    } finally {
      port = first;
      both.close();
      for (const socket of second.clients) socket.terminate();
      second.close();
    }
  });

  it("takes so many strangers of one address, tells so once, and others still come", async () => {
    for (let n = 0; n < bounds.strangersOfAddress; n++) await connect();
    await expect(connect()).rejects.toThrow("429");
    await expect(connect()).rejects.toThrow("429");
    expect(log).toEqual([{ address: "192.0.2.1", why: "too many who have not signed in" }]);
    await connect("192.0.2.2");
    // The edge's word is the last one.
    await expect(connect("198.51.100.7, 192.0.2.1")).rejects.toThrow("429");
    open[0]!.close();
    await until(() => behind.clients.size === bounds.strangersOfAddress);
    await connect();
  });

  it("has room for everybody of an office a second time, as an upgrade of their switch brings them", async () => {
    answer = () => "SIP/2.0 200 OK\r\nCSeq: 1 REGISTER\r\n\r\n";
    const office = 20;
    for (let n = 0; n < office; n++) {
      const socket = await connect();
      const taken = new Promise((resolve) => socket.once("message", resolve));
      socket.send(message("REGISTER", [credentials(`known${n}`)]));
      await taken;
    }
    for (let n = 0; n < bounds.strangersOfAddress + office; n++) await connect();
    await expect(connect()).rejects.toThrow("429");
  });
});

describe("a glance at a message", () => {
  it("knows requests, responses, credentials and keep-alives, and what is none of them", () => {
    expect(glance(message("REGISTER"))).toEqual({ method: "REGISTER", transaction: " 1" });
    expect(glance(message("INVITE", ['proxy-authorization: Digest realm="x",username="anna~1"']))).toEqual({ method: "INVITE", transaction: " 1", authName: "anna~1" });
    expect(glance("SIP/2.0 407 Proxy Authentication Required\r\ni: ab@c\r\ncseq: 2 INVITE\r\n\r\n")).toEqual({ status: 407, method: "INVITE", transaction: "ab@c 2" });
    expect(glance("\r\n\r\n")).toEqual({ method: "", transaction: "" });
    for (const text of ["", "hello", "SIP/2.0 999 x\r\n\r\n", "invite sip:a SIP/2.0\r\n\r\n", "INVITE http://a SIP/2.0\r\n\r\n"]) expect(glance(text), text).toBeUndefined();
    // Words in a body are no header.
    expect(glance(`${message("MESSAGE")}${credentials("anna")}\r\n`)).toEqual({ method: "MESSAGE", transaction: " 1" });
  });
});

describe("guesses", () => {
  it("of many names from one address are one address's, and those that were right don't count", () => {
    let now = 0;
    const guesses = new Guesses(() => now);
    for (let n = 0; n < 200; n++) {
      expect(guesses.take("a", `right ${n}`)).toBe(0);
      guesses.giveBack("a", `right ${n}`);
    }
    for (let n = 0; n < bounds.guessesOfAddress; n++) expect(guesses.take("a", `name ${n}`)).toBe(0);
    expect(guesses.take("a", "another")).toBe(bounds.addressGuessEveryMs);
    expect(guesses.take("b", "another")).toBe(0);
    now += bounds.addressGuessEveryMs;
    expect(guesses.take("a", "another")).toBe(0);
  });
});
