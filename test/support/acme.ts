import { execFile, spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findPebble } from "../../cli/setup/pebble.ts";
import { freePorts } from "./ports.ts";
import { until } from "./until.ts";

const run = promisify(execFile);

interface Options {
  /** Where it connects to for a proof of a name. (TLS-ALPN-01, RFC 8737) */
  tlsPort: number;
  /** Where every name leads. */
  address: string;
  /** How long its certificates are good for. */
  validitySeconds: number;
}

/** Pebble, the ACME server of Let's Encrypt for tests, on loopback, with name servers of its own. */
export class AcmeServer {
  readonly directory: string;
  /** PEM file with who signed the directory's own certificate. */
  readonly rootFile: string;
  readonly #managementPort: number;
  readonly #folder: string;
  readonly #names: Server;
  #child: ChildProcess | undefined;

  private constructor(folder: string, port: number, names: Server) {
    this.#folder = folder;
    this.#names = names;
    this.#managementPort = port + 1;
    this.directory = `https://127.0.0.1:${port}/dir`;
    this.rootFile = join(folder, "tls.crt");
  }

  static async start({ tlsPort, address, validitySeconds }: Options): Promise<AcmeServer> {
    const folder = await mkdtemp(join(tmpdir(), "houseline-acme-"));
    const at = (name: string) => join(folder, name);
    const port = await freePorts(2);
    await run("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", at("tls.key"), "-out", at("tls.crt"), "-days", "2", "-subj", "/CN=tests", "-addext", "subjectAltName=IP:127.0.0.1"]);
    await writeFile(at("config.json"), JSON.stringify({
      pebble: {
        listenAddress: `127.0.0.1:${port}`, managementListenAddress: `127.0.0.1:${port + 1}`, certificate: at("tls.crt"), privateKey: at("tls.key"),
        // Nothing answers there: the proof is by TLS.
        httpPort: 1, tlsPort, profiles: { default: { description: "of the tests", validityPeriod: validitySeconds } }, retryAfter: { authz: 1, order: 1 },
      },
    }));
    const names = await nameServer(address);
    const server = new AcmeServer(folder, port, names);
    const child = spawn(findPebble()!, ["-config", at("config.json"), "-dnsserver", `127.0.0.1:${(names.address() as AddressInfo).port}`], { stdio: "ignore", env: { ...process.env, PEBBLE_VA_NOSLEEP: "1" } });
    server.#child = child;
    await until("Pebble", () => server.root().then(() => true, () => false));
    return server;
  }

  /** Who signs its certificates: another at each start. */
  root(): Promise<string> {
    return new Promise((resolve, reject) => {
      request({ host: "127.0.0.1", port: this.#managementPort, path: "/roots/0", rejectUnauthorized: false }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => { text += part; }).on("end", () => resolve(text)).on("error", reject);
      }).on("error", reject).end();
    });
  }

  rootPem(): Promise<string> {
    return readFile(this.rootFile, "utf8");
  }

  /** Nobody gives certificates any more. */
  stop(): void {
    this.#child?.kill("SIGKILL");
    this.#child = undefined;
  }

  async remove(): Promise<void> {
    this.stop();
    this.#names.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Answers every question for an IPv4 address with one, and any other with nothing; over TCP, as Pebble asks. (RFC 1035, RFC 7766) */
async function nameServer(address: string): Promise<Server> {
  const server = createServer((socket) => socket.on("error", () => {}).on("data", (framed) => {
    const query = framed.subarray(2);
    let end = 12;
    while (query[end]! > 0) end += query[end]! + 1;
    const question = query.subarray(12, end + 5);
    const isAddress = question.readUInt16BE(question.length - 4) === 1;
    const header = Buffer.from([query[0]!, query[1]!, 0x81, 0x80, 0, 1, 0, isAddress ? 1 : 0, 0, 0, 0, 0]);
    const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, ...address.split(".").map(Number)]);
    const reply = Buffer.concat([header, question, ...(isAddress ? [answer] : [])]);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(reply.length);
    socket.write(Buffer.concat([length, reply]));
  }));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
