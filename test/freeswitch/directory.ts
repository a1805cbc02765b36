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
}

/** The directory of the application server, as small as the switch needs it (docs/architecture.md). */
export class TestDirectory {
  readonly requests: URLSearchParams[] = [];
  readonly #server: Server;
  readonly #domain: string;
  readonly #password: string;
  readonly people: Person[];

  constructor(domain: string, password: string, people: Person[]) {
    this.#domain = domain;
    this.#password = password;
    this.people = people;
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

  /** The answer to one lookup; `user` is an auth name, a person's name or an extension. */
  answer(user: string): string {
    const session = this.people.find((person) => person.authName === user);
    const dialled = this.people.find((person) => person.name === user || person.extension === user);
    if (session) return this.#document(this.#session(session));
    if (dialled) return this.#document(this.#dialled(dialled));
    return `<document type="freeswitch/xml"><section name="result"><result status="not found"/></section></document>`;
  }

  #session({ authName, name, extension, password }: Person): string {
    const hash = createHash("md5").update(`${authName}:${this.#domain}:${password}`).digest("hex");
    const variables = { "sip-force-user": name, user_context: "default", effective_caller_id_name: name, effective_caller_id_number: extension };
    return `<user id="${authName}" cacheable="true"><params><param name="allow-empty-password" value="false"/><param name="a1-hash" value="${hash}"/></params><variables>${
      Object.entries(variables).map(([key, value]) => `<variable name="${key}" value="${value}"/>`).join("")}</variables></user>`;
  }

  #dialled({ name, extension, doNotDisturb }: Person): string {
    const dial = `\${regex(\${sofia_contact(*/${name}@${this.#domain})}|^.*(?!,sofia/houseline/sip:)(?!%(?!7[Ee]))[^A-Za-z0-9._+:;=@/-].*$|error/user_not_registered)}`;
    return `<user id="${name}" number-alias="${extension}" cacheable="true"><params><param name="allow-empty-password" value="false"/><param name="dial-string" value="${dial}"/></params><variables>${
      doNotDisturb ? `<variable name="do_not_disturb" value="true"/>` : ""}</variables></user>`;
  }

  #document(user: string): string {
    return `<document type="freeswitch/xml"><section name="directory"><domain name="${this.#domain}">${user}</domain></section></document>`;
  }
}
