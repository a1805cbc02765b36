import { randomUUID } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";

type Headers = Readonly<Record<string, string>>;

/** A scripted ESL server: says that it is a switch with some calls, and tells whatever events it is given. Nothing rings anywhere. */
export class ScriptedSwitch {
  readonly #core = randomUUID();
  readonly #channels: readonly Headers[];
  readonly #server: Server;
  readonly #listeners = new Set<Socket>();

  /** @param channels headers of its channels, as `uuid_dump … json` has them */
  constructor(channels: readonly Headers[]) {
    this.#channels = channels;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve) => this.#server.listen(port, "127.0.0.1", resolve));
  }

  /** Servers that listen to it. */
  get listeners(): number {
    return this.#listeners.size;
  }

  /** Bytes that no server has read yet. */
  get waiting(): number {
    return Math.max(0, ...[...this.#listeners].map(({ writableLength }) => writableLength));
  }

  tell(event: Headers): void {
    const text = JSON.stringify({ "Core-UUID": this.#core, ...event });
    const frame = `Content-Length: ${Buffer.byteLength(text)}\nContent-Type: text/event-json\n\n${text}`;
    for (const socket of this.#listeners) socket.write(frame);
  }

  close(): void {
    for (const socket of this.#listeners) socket.destroy();
    this.#server.close();
  }

  #serve(socket: Socket): void {
    let rest = "";
    socket.on("error", () => {}).on("close", () => this.#listeners.delete(socket)).setNoDelay(true).setEncoding("utf8");
    socket.write("Content-Type: auth/request\n\n");
    socket.on("data", (text) => {
      rest += String(text);
      for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
        const line = rest.slice(0, end);
        rest = rest.slice(end + 2);
        if (line.startsWith("api ")) {
          const body = this.#answer(line.slice(4));
          socket.write(`Content-Type: api/response\nContent-Length: ${Buffer.byteLength(body)}\n\n${body}`);
        } else socket.write(`Content-Type: command/reply\nReply-Text: +OK${line.startsWith("auth") ? " accepted" : ""}\n\n`);
        if (line.includes("CHANNEL_CREATE")) this.#listeners.add(socket);
      }
    });
  }

  #answer(command: string): string {
    if (command.startsWith("uuid_dump")) return JSON.stringify(this.#channels.find((channel) => command.includes(channel["Unique-ID"]!)) ?? {});
    switch (command) {
      case "global_getvar core_uuid": return this.#core;
      // As the lab switch: nobody is to be brought back.
      case "version": return "lab-switch\n";
      case "status": return "UP 0 years, 0 days, 0 hours, 1 minute, 0 seconds, 0 milliseconds, 0 microseconds\n";
      case "sofia status profile houseline reg": return "Total items returned: 0\n";
      case "sofia status": return "houseline profile RUNNING (0)\n";
      case "show channels as json": return JSON.stringify({ row_count: this.#channels.length, rows: this.#channels.map((channel) => ({ uuid: channel["Unique-ID"] })) });
      default: return "-ERR no reply\n";
    }
  }
}
