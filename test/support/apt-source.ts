import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** An apt source that has what another one has, and newer versions of packages that are made by it. */
export class AptSource {
  readonly #server: Server;
  readonly #folder: string;
  readonly #upstream: string;
  readonly #line: string;
  /** Of each package that is newer here: its own file, and what replaces its stanza. */
  readonly #newer = new Map<string, { path: string; file: Buffer; stanza: string }>();

  private constructor(server: Server, folder: string, upstream: string, line: string) {
    this.#server = server;
    this.#folder = folder;
    this.#upstream = upstream;
    this.#line = line;
  }

  /** @param line the line of the other source */
  static async start(line: string): Promise<AptSource> {
    const address = /https?:\/\/\S+/.exec(line)?.[0];
    if (address === undefined) throw new Error(`The apt source '${line}' has no http address.`);
    const server = createServer((request, response) => {
      source.#answer(request.url ?? "/").then(({ status, body }) => response.writeHead(status).end(body), () => response.writeHead(502).end());
    });
    const source: AptSource = new AptSource(server, await mkdtemp(join(tmpdir(), "houseline-apt-")), address.replace(/\/?$/, "/"), line);
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
    return source;
  }

  /** The same line, asked here. */
  get line(): string {
    return this.#line.replace(/https?:\/\/\S+/, `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`);
  }

  /** Packs a newer version of a package, with a file more in it. */
  async release(name: string, suffix: string): Promise<void> {
    const stanza = (await this.#index()).split(/\n\n+/).find((one) => one.startsWith(`Package: ${name}\n`));
    if (stanza === undefined) throw new Error(`The source has no package ${name}.`);
    const field = (key: string) => new RegExp(`^${key}: (.*)$`, "m").exec(stanza)?.[1] ?? "";
    const [old, tree, packed] = [join(this.#folder, `${name}.deb`), join(this.#folder, name), join(this.#folder, `${name}-newer.deb`)];
    await writeFile(old, Buffer.from(await (await fetch(this.#upstream + field("Filename"))).arrayBuffer()));
    await run("dpkg-deb", ["--raw-extract", old, tree]);
    const control = join(tree, "DEBIAN/control");
    await writeFile(control, (await readFile(control, "utf8")).replace(/^Version: .*$/m, (version) => version + suffix));
    await mkdir(join(tree, "usr/share/houseline"), { recursive: true });
    await appendFile(join(tree, "usr/share/houseline", `${name}-newer`), suffix);
    await run("dpkg-deb", ["--root-owner-group", "--build", tree, packed]);
    const file = await readFile(packed);
    const path = field("Filename").replace(/\.deb$/, `${suffix}.deb`);
    const replaced = stanza.replace(/^Version: .*$/m, (version) => version + suffix).replace(/^Filename: .*$/m, `Filename: ${path}`).replace(/^Size: .*$/m, `Size: ${file.length}`)
      .replace(/^SHA256: .*$/m, `SHA256: ${createHash("sha256").update(file).digest("hex")}`).replace(/^(MD5sum|SHA1|SHA512): .*\n/gm, "");
    this.#newer.set(name, { path, file, stanza: replaced });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #index(): Promise<string> {
    const [, codename = "bookworm", component = "main"] = /https?:\/\/\S+ (\S+) (\S+)/.exec(this.#line) ?? [];
    const { stdout } = await run("dpkg", ["--print-architecture"]);
    return (await fetch(`${this.#upstream}dists/${codename}/${component}/binary-${stdout.trim()}/Packages`)).text();
  }

  async #answer(path: string): Promise<{ status: number; body: Buffer | string }> {
    // What is signed or compressed would tell of the others.
    if (/\/(InRelease|Release(\.gpg)?|Packages\.\w+)$/.test(path)) return { status: 404, body: "" };
    const own = [...this.#newer.values()].find((one) => decodeURIComponent(path) === `/${one.path.replace(/^\.\//, "")}`);
    if (own) return { status: 200, body: own.file };
    const answer = await fetch(this.#upstream + path.slice(1));
    if (!path.endsWith("/Packages")) return { status: answer.status, body: Buffer.from(await answer.arrayBuffer()) };
    const stanzas = (await answer.text()).split(/\n\n+/).map((one) => this.#newer.get(/^Package: (.*)$/m.exec(one)?.[1] ?? "")?.stanza ?? one);
    return { status: answer.status, body: stanzas.join("\n\n") };
  }
}
