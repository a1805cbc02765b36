import { createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import * as commands from "./commands.ts";
import { EslRefusal, LinkError } from "./esl-error.ts";
import { EslLink, type SwitchEvent } from "./esl-link.ts";
import * as word from "./words.ts";

const leg = word.uuid("00000000-0000-4000-8000-000000000001");

/** What a scripted ESL server does with a command; undefined: nothing at all. */
type Script = (line: string, socket: Socket) => string | undefined;

const reply = (text: string) => `Content-Type: command/reply\nReply-Text: ${text}\n\n`;
const response = (body: string) => `Content-Type: api/response\nContent-Length: ${Buffer.byteLength(body)}\n\n${body}`;
const event = (headers: Record<string, string>) => {
  const text = JSON.stringify(headers);
  return `Content-Length: ${Buffer.byteLength(text)}\nContent-Type: text/event-json\n\n${text}`;
};

/** Speaks the framing of mod_event_socket and answers by a script. */
class ScriptedEsl {
  readonly server: Server;
  readonly lines: string[] = [];
  readonly sockets = new Set<Socket>();
  script: Script = (line) => (line.startsWith("api ") ? response("+OK\n") : reply("+OK"));

  constructor() {
    this.server = createServer((socket) => {
      this.sockets.add(socket);
      socket.on("error", () => {}).on("close", () => this.sockets.delete(socket)).setEncoding("utf8");
      let rest = "";
      socket.write("Content-Type: auth/request\n\n");
      socket.on("data", (text) => {
        rest += String(text);
        for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
          const line = rest.slice(0, end);
          rest = rest.slice(end + 2);
          this.lines.push(line);
          const answer = line === "auth secret" ? reply("+OK accepted") : this.script(line, socket);
          if (answer !== undefined) socket.write(answer);
        }
      });
    });
  }

  listen(port = 0): Promise<number> {
    return new Promise((resolve) => this.server.listen(port, "127.0.0.1", () => resolve((this.server.address() as AddressInfo).port)));
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}

async function until(ask: () => boolean, milliseconds = 8_000): Promise<void> {
  for (const end = Date.now() + milliseconds; !ask();) {
    if (Date.now() > end) throw new Error("not in time");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe("a link to a switch, with a scripted ESL server", () => {
  const closing: { close(): void }[] = [];
  afterEach(() => { for (const one of closing.splice(0)) one.close(); });

  async function linked(script?: Script, options: ConstructorParameters<typeof EslLink>[4] = {}): Promise<{ esl: ScriptedEsl; link: EslLink; port: number }> {
    const esl = new ScriptedEsl();
    if (script) esl.script = script;
    const port = await esl.listen();
    const link = new EslLink("127.0.0.1", port, "secret", "CHANNEL_CREATE", options);
    closing.push(esl, link);
    link.start();
    await until(() => link.up);
    return { esl, link, port };
  }

  it("signs in, subscribes, and gives answers in order", async () => {
    const { esl, link } = await linked((line) => (line.startsWith("api uuid_kill") ? response("-ERR No such channel!\n") : line.startsWith("api") ? response("+OK Success\n") : reply("+OK")));
    expect(esl.lines[0]).toBe("auth secret");
    expect(esl.lines).toContain("event json BACKGROUND_JOB CHANNEL_CREATE");
    const [held, killed] = await Promise.allSettled([link.api(commands.hold(leg)), link.api(commands.kill(leg))]);
    expect(held).toMatchObject({ status: "fulfilled", value: "+OK Success\n" });
    expect(killed).toMatchObject({ status: "rejected", reason: { sentence: "No such channel!", gone: true } });
  });

  it("comes back after a loss and subscribes again; what was pending is rejected at once", async () => {
    const { esl, link } = await linked((line, socket) => {
      if (line.includes("uuid_hold")) return void socket.destroy();
      return line.startsWith("api") ? response("+OK\n") : reply("+OK");
    });
    const downs: string[] = [];
    link.on("down", (reason) => downs.push(reason));
    const asked = performance.now();
    await expect(link.api(commands.hold(leg))).rejects.toBeInstanceOf(LinkError);
    expect(performance.now() - asked).toBeLessThan(1_000);
    await until(() => link.up);
    expect(downs).toHaveLength(1);
    expect(esl.lines.filter((line) => line.endsWith("CHANNEL_CREATE"))).toHaveLength(2);
  });

  it("notices a connection that hangs within five seconds", async () => {
    const { esl, link } = await linked();
    const noticed = new Promise<number>((resolve) => link.on("down", () => resolve(performance.now())));
    const hung = performance.now();
    esl.script = () => undefined;
    expect(await noticed - hung).toBeLessThan(5_000);
  }, 10_000);

  it("runs what takes long in the background, beside other commands, and rejects it when the link is lost", async () => {
    let job = "";
    const { esl, link } = await linked((line) => {
      job = /Job-UUID: (\S+)/.exec(line)?.[1] ?? job;
      return line.startsWith("api") ? response("+OK\n") : reply("+OK");
    });
    const finish = (body: string) => { for (const socket of esl.sockets) socket.write(event({ "Event-Name": "BACKGROUND_JOB", "Job-UUID": job, "Content-Length": String(body.length), "_body": body })); };
    const rung = link.background(commands.bridge(leg, leg), 5_000);
    await until(() => job !== "");
    await link.api(commands.hold(leg));
    finish("-ERR USER_BUSY\n");
    await expect(rung).rejects.toMatchObject({ sentence: "USER_BUSY" });
    await expect(rung).rejects.toBeInstanceOf(EslRefusal);
    const lost = link.background(commands.bridge(leg, leg), 5_000);
    lost.catch(() => {});
    await link.api(commands.hold(leg));
    for (const socket of esl.sockets) socket.destroy();
    await expect(lost).rejects.toBeInstanceOf(LinkError);
    await until(() => link.up);
    await expect(link.background(commands.bridge(leg, leg), 50)).rejects.toThrow("did not finish in time");
  });

  it("says that nobody listens any more, and comes to whoever does next", async () => {
    const { esl, link, port } = await linked();
    let refused = 0;
    link.on("refused", () => refused++);
    esl.close();
    await until(() => refused > 0);
    const next = new ScriptedEsl();
    closing.push(next);
    await next.listen(port);
    await until(() => link.up);
  });

  it("hands events on and drops what is none", async () => {
    const { esl, link } = await linked();
    const seen: SwitchEvent[] = [];
    link.on("event", (one) => seen.push(one));
    for (const socket of esl.sockets) socket.write(event({ "Event-Name": "CHANNEL_CREATE", "Unique-ID": leg }) + event({ nonsense: "x" }));
    await until(() => seen.length > 0);
    await link.api(commands.hold(leg));
    expect(seen.map((one) => one["Event-Name"])).toEqual(["CHANNEL_CREATE"]);
  });
});
