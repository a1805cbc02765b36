import { randomUUID, timingSafeEqual } from "node:crypto";
import type { Socket } from "node:net";
import { bounds } from "../bounds.ts";
import type { SwitchEvent } from "../events.ts";
import { runApi, type Switch } from "./commands.ts";
import { apiResponse, authRequest, commandReply, disconnectNotice, jsonEvent, plainEvent } from "./framing.ts";

/** One client of the event socket: commands in, answers and the events it asked for out. */
export class EslConnection {
  readonly #socket: Socket;
  readonly #on: Switch;
  readonly #names = new Set<string>();
  readonly #subclasses = new Set<string>();
  readonly #stop: () => void;
  #format: "json" | "plain" = "plain";
  #authenticated = false;
  #rest = "";

  constructor(socket: Socket, on: Switch) {
    this.#socket = socket;
    this.#on = on;
    const deadline = setTimeout(() => {
      if (!this.#authenticated) socket.destroy();
    }, bounds.eslAuthSeconds * 1_000);
    this.#stop = on.events.listen((event) => this.#tell(event));
    socket.setNoDelay(true).setEncoding("utf8");
    socket.on("data", (text: string) => this.#read(text));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      clearTimeout(deadline);
      this.#stop();
    });
    this.#write(authRequest);
  }

  close(): void {
    this.#write(disconnectNotice());
    this.#socket.end();
  }

  #read(text: string): void {
    this.#rest = (this.#rest + text).replaceAll("\r\n", "\n");
    for (let end = this.#rest.indexOf("\n\n"); end >= 0; end = this.#rest.indexOf("\n\n")) {
      const command = this.#rest.slice(0, end).trim();
      this.#rest = this.#rest.slice(end + 2);
      if (command !== "") this.#run(command);
      if (this.#socket.destroyed || this.#socket.writableEnded) return;
    }
    if (this.#rest.length > bounds.eslCommandBytes) this.#socket.destroy();
  }

  #run(command: string): void {
    const [line = "", ...headers] = command.split("\n");
    const [name = "", ...words] = line.split(/\s+/);
    if (name === "auth") return this.#authenticate(words.join(" "));
    if (name === "exit") {
      this.#write(commandReply("+OK bye"));
      return this.close();
    }
    if (!this.#authenticated) return this.#write(commandReply("-ERR command not found"));
    switch (name) {
      case "api": return this.#write(apiResponse(runApi(words.join(" "), this.#on)));
      case "bgapi": return this.#background(words, headers);
      case "event": return this.#subscribe(words);
      case "nixevent":
        for (const word of words) this.#names.delete(word);
        return this.#write(commandReply("+OK events nixed"));
      case "noevents":
        this.#names.clear();
        return this.#write(commandReply("+OK no longer listening for events"));
      default: this.#write(commandReply(`-ERR ${name.slice(0, 60)} is not in the lab switch: it needs FreeSWITCH`));
    }
  }

  #authenticate(password: string): void {
    const given = Buffer.from(password);
    const wanted = Buffer.from(this.#on.config.eslPassword);
    if (given.length === wanted.length && timingSafeEqual(given, wanted)) {
      this.#authenticated = true;
      return this.#write(commandReply("+OK accepted"));
    }
    this.#write(commandReply("-ERR invalid"));
    this.close();
  }

  #subscribe([format, ...names]: string[]): void {
    if (format !== "json" && format !== "plain") return this.#write(commandReply("-ERR The lab switch sends events as json or plain"));
    this.#format = format;
    let custom = false;
    for (const name of names.slice(0, bounds.eslFilters)) {
      if (name === "CUSTOM") custom = true;
      else if (custom) this.#subclasses.add(name);
      else this.#names.add(name.toUpperCase());
    }
    this.#write(commandReply(`+OK event listener enabled ${format}`));
  }

  #background(words: string[], headers: string[]): void {
    const given = headers.map((line) => /^Job-UUID:\s*(\S{1,64})$/.exec(line)?.[1]).find(Boolean);
    const job = given ?? randomUUID();
    this.#write(commandReply(`+OK Job-UUID: ${job}`, { "Job-UUID": job }));
    this.#on.events.emit("BACKGROUND_JOB", { "Job-UUID": job, "Job-Command": words[0] ?? "", "Job-Command-Arg": words.slice(1).join(" ") }, { body: runApi(words.join(" "), this.#on) });
  }

  #tell(event: SwitchEvent): void {
    if (!this.#authenticated) return;
    const wanted = event.name === "CUSTOM" ? this.#subclasses.has(event.subclass ?? "") : this.#names.has(event.name) || this.#names.has("ALL");
    if (wanted) this.#write(this.#format === "json" ? jsonEvent(event) : plainEvent(event));
  }

  /** A reader that is too slow is cut off: it comes back and asks for the list of channels. */
  #write(frame: string): void {
    if (this.#socket.destroyed) return;
    if (this.#socket.writableLength > bounds.eslQueueBytes) return void this.#socket.destroy();
    this.#socket.write(frame);
  }
}
