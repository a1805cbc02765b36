import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** Someone the switch may ask about: signs in as `authName`, is called by `name` or `extension`. */
export interface Person {
  readonly name: string;
  readonly extension: string;
  readonly authName: string;
  readonly password: string;
  readonly doNotDisturb?: boolean;
  readonly language?: "en" | "ru";
  readonly voicemail?: boolean;
}

/** A conference room with an entry; any other is open to everybody. */
export interface Room {
  readonly name: string;
  readonly number?: string;
  readonly pin?: string;
  readonly moderators?: readonly string[];
}

/** The directory of the application server, as small as the switch needs it (docs/softswitch.md). */
export class TestDirectory {
  readonly requests: URLSearchParams[] = [];
  readonly #server: Server;
  readonly #domain: string;
  readonly #password: string;
  readonly people: Person[];
  readonly rooms: Room[];

  constructor(domain: string, password: string, people: Person[], rooms: Room[] = []) {
    this.#domain = domain;
    this.#password = password;
    this.people = people;
    this.rooms = rooms;
    this.#server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => { body += chunk.toString(); });
      request.on("end", () => {
        const expected = `Basic ${Buffer.from(`switch:${this.#password}`).toString("base64")}`;
        if (request.headers.authorization !== expected) return response.writeHead(401, { "www-authenticate": "Basic realm=\"directory\"" }).end();
        const form = new URLSearchParams(body);
        this.requests.push(form);
        response.writeHead(200, { "content-type": "text/xml" }).end(this.answer(form.get("user") ?? ""));
      });
    });
  }

  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve, reject) => this.#server.once("error", reject).listen(port, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/directory`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** The answer to one lookup; `user` is an auth name, a person's name, an extension, `room-<name>` or a room's number. */
  answer(user: string): string {
    const session = this.people.find((person) => person.authName === user);
    const dialled = this.people.find((person) => person.name === user || person.extension === user);
    const room = this.rooms.find(({ name, number }) => user === `room-${name}` || user === number);
    if (session) return this.#document(this.#session(session));
    if (dialled) return this.#document(this.#dialled(dialled));
    if (room) return this.#document(this.#room(room));
    return `<document type="freeswitch/xml"><section name="result"><result status="not found"/></section></document>`;
  }

  #session({ authName, name, extension, password, language }: Person): string {
    const hash = createHash("md5").update(`${authName}:${this.#domain}:${password}`).digest("hex");
    return user(authName, undefined, { "a1-hash": hash }, {
      "sip-force-user": name, user_context: "default", effective_caller_id_name: name, effective_caller_id_number: extension, language,
    });
  }

  #dialled({ name, extension, doNotDisturb, language, voicemail }: Person): string {
    return user(name, extension, { "dial-string": dialString(name, this.#domain) },
      { language, do_not_disturb: doNotDisturb && "true", voicemail: voicemail && "true" });
  }

  #room({ name, number, pin, moderators }: Room): string {
    return user(`room-${name}`, number, {}, { room_name: name, room_number: number, room_pin: pin, room_moderators: moderators?.join(" ") });
  }

  #document(user: string): string {
    return `<document type="freeswitch/xml"><section name="directory"><domain name="${this.#domain}">${user}</domain></section></document>`;
  }
}

type Values = Record<string, string | false | undefined>;

function user(id: string, alias: string | undefined, params: Values, variables: Values): string {
  const list = (tag: string, values: Values) =>
    Object.entries(values).map(([name, value]) => (value ? `<${tag} name="${name}" value="${value}"/>` : "")).join("");
  return `<user id="${id}"${alias ? ` number-alias="${alias}"` : ""} cacheable="true"><params>${list("param", { "allow-empty-password": "false", ...params })}</params><variables>${
    list("variable", variables)}</variables></user>`;
}

/** As the application server gives it (app/server/directory/directory.ts). */
function dialString(name: string, domain: string): string {
  return `\${regex(\${sofia_contact(*/${name}@${domain})}|^.*(?!,sofia/houseline6?/sip:)(?!%(?!7[Ee]))[^A-Za-z0-9._+:;=@/-].*$|error/user_not_registered)}`;
}
