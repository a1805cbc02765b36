import { randomBytes } from "node:crypto";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parseAddress } from "../../pulumi/published.ts";
import { configType, digestOf, layerType, manifestType, Registry } from "../../pulumi/registry.ts";
import { credentialsFor, withDockerConfig } from "../../pulumi/registry-credentials.ts";
import { account, TestRegistry } from "../support/registry.ts";

const blobOf = (bytes: Buffer) => new Blob([new Uint8Array(bytes)]);
const quick = { firstDelayMs: 5 };

describe("a registry, as Debian's docker-registry speaks", () => {
  let server: TestRegistry;
  let registry: Registry;
  beforeAll(async () => {
    server = await TestRegistry.start({ withAccount: true });
    registry = new Registry(server.host, { credentials: account, ...quick });
  });
  beforeEach(() => {
    server.disturb = () => undefined;
    server.requests.length = 0;
  });
  afterAll(() => server?.stop());

  it("keeps a blob and a manifest, gives both back, and says of what isn't there that it isn't", async () => {
    const [layer, config] = [randomBytes(200_000), Buffer.from("{}")];
    expect(await registry.putBlob("team/one", digestOf(layer), blobOf(layer))).toBe(layer.length);
    expect(await registry.putBlob("team/one", digestOf(layer), blobOf(layer))).toBe(0);
    await registry.putBlob("team/one", digestOf(config), blobOf(config));
    const manifest = Buffer.from(JSON.stringify({
      schemaVersion: 2, mediaType: manifestType, config: { mediaType: configType, digest: digestOf(config), size: 2 }, layers: [{ mediaType: layerType, digest: digestOf(layer), size: layer.length }],
    }));
    await registry.putManifest("team/one", digestOf(manifest), manifest);
    expect(await registry.manifest("team/one", "a-tag")).toBeUndefined();
    await registry.putManifest("team/one", "a-tag", manifest);
    expect((await registry.manifest("team/one", "a-tag"))!.digest).toBe(digestOf(manifest));
    expect((await registry.blob("team/one", digestOf(layer), 1 << 20)).equals(layer)).toBe(true);
    expect(await registry.hasBlob("team/one", digestOf(Buffer.from("else")))).toBe(false);
    expect(await registry.manifest("team/nothing", "a-tag")).toBeUndefined();
  });

  it("takes a layer that another image has without its bytes", async () => {
    const layer = randomBytes(100_000);
    await registry.putBlob("team/one", digestOf(layer), blobOf(layer));
    expect(await registry.putBlob("team/two", digestOf(layer), blobOf(layer), "team/one")).toBe(0);
    expect(await registry.hasBlob("team/two", digestOf(layer))).toBe(true);
  });

  it("is asked again while it fails, or the line breaks in the middle of an upload", async () => {
    let [failures, cuts] = [2, 2];
    server.disturb = (line) => (line.startsWith("PUT") ? (cuts-- > 0 ? "cut" : undefined) : failures-- > 0 ? "fail" : undefined);
    const layer = randomBytes(3_000_000);
    await registry.putBlob("team/three", digestOf(layer), blobOf(layer));
    expect(Math.max(failures, cuts)).toBeLessThan(0);
    expect((await registry.blob("team/three", digestOf(layer), 1 << 22)).equals(layer)).toBe(true);
  });

  it("that goes on failing is told in a sentence, after a bounded number of tries", async () => {
    server.disturb = () => "fail";
    await expect(new Registry(server.host, { credentials: account, tries: 3, ...quick }).manifest("team/one", "a-tag")).rejects.toThrow(/could not read team\/one: HTTP 503, at each of 3 tries/);
    expect(server.requests.length).toBe(3);
  });

  it("that refuses is not asked again, and the sentence has no password", async () => {
    const wrong = new Registry(server.host, { credentials: { user: "ci", password: "not-this-one" }, ...quick });
    const error = await wrong.manifest("team/one", "a-tag").catch((reason: Error) => reason);
    expect(String(error)).toMatch(/does not let us read team\/one:a-tag .*HOUSELINE_REGISTRY_PASSWORD/);
    expect(String(error)).not.toContain("not-this-one");
    expect(server.requests.length).toBe(2);
  });

  it("that is not there, or sends more than asked for, is told in a sentence", async () => {
    await expect(new Registry("127.0.0.1:9", { tries: 2, ...quick }).manifest("x", "y")).rejects.toThrow(/ECONNREFUSED|bad port/);
    const layer = randomBytes(10_000);
    await registry.putBlob("team/one", digestOf(layer), blobOf(layer));
    await expect(registry.blob("team/one", digestOf(layer), 100)).rejects.toThrow("more than 100 bytes");
  });
});

describe("a registry whose tokens come from elsewhere (a mock: Debian has no token server)", () => {
  let server: Server;
  const seen: { url: string; authorization: string | undefined; body: string }[] = [];
  const host = () => `127.0.0.1:${(server.address() as AddressInfo).port}`;

  beforeAll(async () => {
    server = createServer((request, response) => {
      let body = "";
      request.on("data", (part: Buffer) => { body += part.toString(); }).on("end", () => {
        const { authorization } = request.headers;
        seen.push({ url: request.url!, authorization, body });
        if (request.url!.startsWith("/token")) return void response.end(JSON.stringify({ token: "a-token" }));
        if (authorization !== "Bearer a-token") return void response.writeHead(401, { "www-authenticate": `Bearer realm="http://${host()}/token",service="tests"` }).end();
        response.writeHead(404).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  beforeEach(() => { seen.length = 0; });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  it("is asked with a token for just this repository, fetched once", async () => {
    const registry = new Registry(host(), { credentials: { user: "ci", password: "secret" }, ...quick });
    expect(await registry.manifest("team/one", "a")).toBeUndefined();
    expect(await registry.manifest("team/one", "b")).toBeUndefined();
    const [token] = seen.filter(({ url }) => url.startsWith("/token"));
    expect(seen.length).toBe(4);
    expect(token!.url).toContain("scope=repository%3Ateam%2Fone%3Apull");
    expect(token!.authorization).toBe(`Basic ${Buffer.from("ci:secret").toString("base64")}`);
  });

  it("gets an identity token as such, in the body", async () => {
    await new Registry(host(), { credentials: { identityToken: "refresh-me" }, ...quick }).manifest("team/one", "a");
    expect(seen.find(({ url }) => url === "/token")!.body).toContain("refresh_token=refresh-me");
  });
});

describe("credentials", () => {
  let folder: string;
  const path = process.env.PATH;
  const none = { registry: {} };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "houseline-credentials-"));
    await mkdir(join(folder, "bin"));
    await writeFile(join(folder, "bin/docker-credential-test"), "#!/bin/sh\nread -r name\n[ \"$name\" = known.example.com ] || { echo 'credentials not found in native keychain'; exit 1; }\necho '{\"Username\":\"helped\",\"Secret\":\"by-a-helper\"}'\n");
    await chmod(join(folder, "bin/docker-credential-test"), 0o755);
    await writeFile(join(folder, "config.json"), JSON.stringify({
      auths: { "plain.example.com": { auth: Buffer.from("anna:pass:word").toString("base64") }, "https://index.docker.io/v1/": { auth: Buffer.from("hub:hub-password").toString("base64") } },
      credHelpers: { "known.example.com": "test", "unknown.example.com": "test", "broken.example.com": "isn't-there" },
    }));
    process.env.DOCKER_CONFIG = folder;
    process.env.PATH = `${join(folder, "bin")}${delimiter}${path}`;
  });
  afterAll(async () => {
    delete process.env.DOCKER_CONFIG;
    process.env.PATH = path;
    await rm(folder, { recursive: true });
  });

  it("are the configuration's, else those of docker login or its helper, else none", async () => {
    expect(await credentialsFor("plain.example.com", { registry: { user: "ci", password: "given" } })).toEqual({ user: "ci", password: "given" });
    expect(await credentialsFor("plain.example.com", none)).toEqual({ user: "anna", password: "pass:word" });
    expect(await credentialsFor("registry-1.docker.io", none)).toEqual({ user: "hub", password: "hub-password" });
    expect(await credentialsFor("known.example.com", none)).toEqual({ user: "helped", password: "by-a-helper" });
    expect(await credentialsFor("unknown.example.com", none)).toBeUndefined();
    expect(await credentialsFor("other.example.com", none)).toBeUndefined();
  });

  it("that are half given, or whose helper isn't there, are a sentence", async () => {
    await expect(credentialsFor("plain.example.com", { registry: { user: "ci" } })).rejects.toThrow("only one is given");
    await expect(credentialsFor("broken.example.com", none)).rejects.toThrow("docker-credential-isn't-there");
  });

  it("reach Docker's client by a folder that is gone afterwards", async () => {
    let seen = "";
    await withDockerConfig("registry.example.com", { registry: { user: "ci", password: "given" } }, async ({ DOCKER_CONFIG }) => { seen = DOCKER_CONFIG!; });
    expect(seen).not.toBe("");
    await expect(rm(seen)).rejects.toThrow("ENOENT");
  });
});

describe("an address", () => {
  it.each([
    ["registry.example.com", "registry.example.com", ""], ["registry.example.com:5000/team/telephone", "registry.example.com:5000", "team/telephone/"],
    ["localhost:5000/x", "localhost:5000", "x/"], ["company", "registry-1.docker.io", "company/"], ["docker.io/company", "registry-1.docker.io", "company/"],
  ])("%s is of %s", (address, host, prefix) => {
    expect(parseAddress(address)).toMatchObject({ host, prefix });
  });
});
