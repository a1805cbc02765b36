import { createServer, type Server } from "node:http";
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { closeCodes, type Snapshot } from "../protocol/wire.ts";
import { TestStack, until } from "./testing/test-stack.ts";

const secret = "a-secret-of-the-companys-application";
let stack: TestStack;
let keys: KeyServer;

/** The company's application as it publishes its keys: a real HTTP server. */
class KeyServer {
  readonly #server: Server;
  readonly #public = new Map<string, object>();
  fetched = 0;
  isDown = false;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<KeyServer> {
    const server = createServer((_, response) => {
      one.fetched++;
      if (one.isDown) response.writeHead(500).end();
      else response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ keys: [...one.#public.values()] }));
    });
    const one = new KeyServer(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return one;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}/keys`;
  }

  async add(kid: string, alg: string): Promise<CryptoKey> {
    const { publicKey, privateKey } = await generateKeyPair(alg);
    this.#public.set(kid, { ...await exportJWK(publicKey), kid, alg, use: "sig" });
    return privateKey;
  }

  remove(kid: string): void {
    this.#public.delete(kid);
  }

  close(): void {
    this.#server.close();
  }
}

const hs256 = (claims: JWTPayload, { exp = "5m" as string | number, key = secret } = {}) =>
  new SignJWT({ iss: "crm", aud: "telephone", ...claims }).setProtectedHeader({ alg: "HS256" }).setExpirationTime(exp).sign(new TextEncoder().encode(key));
const signed = (claims: JWTPayload, key: CryptoKey, kid: string, alg: string) =>
  new SignJWT({ iss: "crm", aud: "telephone", ...claims }).setProtectedHeader({ alg, kid }).setExpirationTime("5m").sign(key);

let addresses = 0;
/** Each from an address of its own, unless one is given: what was refused counts for an address. */
const signIn = async (token: string, address = `10.0.${addresses >> 8}.${addresses++ & 255}`) => {
  const client = await stack.open(0, undefined, address);
  const snapshot = await client.ask("loginWithToken", { token }) as unknown as Snapshot;
  return { client, snapshot };
};
const refused = (token: string, address?: string) => signIn(token, address).then(() => "signed in", (error: Error & { code: string }) => `${error.code}: ${error.message}`);

beforeAll(async () => {
  keys = await KeyServer.start();
  stack = await TestStack.create({
    secrets: { "jwt-secret": secret },
    environment: { HOUSELINE_JWKS_URL: keys.url, HOUSELINE_JWT_ISSUER: "crm", HOUSELINE_JWT_AUDIENCE: "telephone", HOUSELINE_JWT_EXTENSIONS: "200-203" },
  });
  await stack.start(0);
});
afterAll(async () => {
  keys?.close();
  await stack?.remove();
});

describe("a JWT of the company's application", () => {
  it("makes its person on first sight, with an extension, and names them anew later", async () => {
    const { snapshot } = await signIn(await hs256({ sub: "erika", name: "Erika Muster" }));
    expect(snapshot.me).toMatchObject({ user: "erika", name: "Erika Muster", extension: "200", presence: "available" });
    expect(snapshot.profile).toMatchObject({ role: "member" });
    const again = await signIn(await hs256({ sub: "0815", user: "erika", name: "Erika Neu", role: "supervisor", extension: "77" }));
    expect(again.snapshot.me).toMatchObject({ user: "erika", name: "Erika Neu", extension: "77" });
    expect(again.snapshot.profile!.permissions).toContain("supervise.listen");
  });

  it("gives the extension that it names, or the next free one when that is somebody else's", async () => {
    expect((await signIn(await hs256({ sub: "felix", extension: "201" }))).snapshot.me.extension).toBe("201");
    expect((await signIn(await hs256({ sub: "greta", extension: "201" }))).snapshot.me.extension).toBe("202");
    expect((await signIn(await hs256({ sub: "hanna" }))).snapshot.me.extension).toBe("203");
    // 200 became free when erika was given another.
    expect((await signIn(await hs256({ sub: "ivan" }))).snapshot.me.extension).toBe("200");
    expect(await refused(await hs256({ sub: "julia" }))).toMatch(/^unavailable: Every extension from 200 to 203 is taken/);
  });

  it("is refused with the reason: expired, for others, by others, of nobody", async () => {
    expect(await refused(await hs256({ sub: "erika" }, { exp: Math.floor(Date.now() / 1_000) - 60 }))).toBe("unauthorized: The token is refused: it has expired.");
    expect(await refused(await hs256({ sub: "erika" }, { key: "another-secret-that-is-long-enough-too" }))).toBe("unauthorized: The token is refused: it was not signed by this company's application.");
    expect(await refused(await hs256({ sub: "erika", iss: "other" }))).toMatch(/its claim 'iss' is wrong/);
    expect(await refused(await hs256({ sub: "erika", aud: "other" }))).toMatch(/its claim 'aud' is wrong/);
    expect(await refused(await hs256({ sub: "erika", domain: "other.internal" }))).toMatch(/it is for another domain/);
    expect(await refused(await hs256({ sub: "Erika Muster" }))).toMatch(/its claim 'user' \(or else 'sub'\) is not a user name/);
    expect(await refused(await new SignJWT({ iss: "crm", aud: "telephone", sub: "erika" }).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(secret)))).toMatch(/its claim 'exp' is missing/);
    expect(await refused(`${btoa('{"alg":"none"}')}.${btoa('{"sub":"erika"}')}.`)).toMatch(/^unauthorized/);
    expect(await refused("nonsense")).toBe("unauthorized: The token is refused: it is not a JWT.");
  });

  it("still counts for a moment when the clocks of both sides differ", async () => {
    expect(await refused(await hs256({ sub: "erika" }, { exp: Math.floor(Date.now() / 1_000) - 5 }))).toBe("signed in");
  });

  it("is checked with published keys, and with new ones soon after the application changed them", async () => {
    const old = await keys.add("2025", "RS256");
    expect(await refused(await signed({ sub: "felix" }, old, "2025", "RS256"))).toBe("signed in");
    const before = keys.fetched;
    for (let n = 0; n < 5; n++) await refused(await signed({ sub: "felix" }, old, "2025", "RS256"));
    expect(keys.fetched).toBe(before);
    const next = await keys.add("2026", "ES256");
    keys.remove("2025");
    await until(async () => await refused(await signed({ sub: "felix" }, next, "2026", "ES256")) === "signed in");
    expect(await refused(await signed({ sub: "felix" }, old, "2025", "RS256"))).toMatch(/by a key that this server doesn't know/);
    // Unknown keys make no storm of requests.
    const asked = keys.fetched;
    for (let n = 0; n < 10; n++) await refused(await signed({ sub: "felix" }, old, `guess${n}`, "RS256"));
    expect(keys.fetched - asked).toBeLessThanOrEqual(1);
  });

  it("can't pass a public key off as the secret", async () => {
    const key = await keys.add("2027", "RS256");
    const forged = await new SignJWT({ iss: "crm", aud: "telephone", sub: "erika" }).setProtectedHeader({ alg: "HS256", kid: "2027" }).setExpirationTime("5m").sign(new TextEncoder().encode(JSON.stringify(key)));
    expect(await refused(forged)).toMatch(/^unauthorized/);
  });
});

describe("an API token", () => {
  const make = async (body: object) => (await stack.api("POST", "/tokens", body)).body as { token: string; id: string };

  it("signs its person in, with no more than it was made for", async () => {
    const { token } = await make({ name: "anna's script", user: "anna", scopes: ["messages", "people.manage"] });
    expect(token).toMatch(/^hl_[A-Za-z0-9_-]{43}$/);
    const { client, snapshot } = await signIn(token);
    expect(snapshot.me.user).toBe("anna");
    await client.ask("sendMessage", { to: "boris", body: "hello", clientId: "t1" });
    await expect(client.ask("history")).rejects.toMatchObject({ code: "forbidden", message: "'history' needs the permission 'calls', which this sign-in doesn't have." });
    await expect(client.ask("listCalls")).rejects.toMatchObject({ code: "forbidden" });
    client.socket.close();
  });

  it("of a supervisor who may only see lets nobody listen by it", async () => {
    await stack.api("PATCH", "/people/clara", { role: "supervisor" });
    const { token } = await make({ name: "wallboard", user: "clara", scopes: ["supervise.see"] });
    const { client } = await signIn(token);
    const call = "00000000-0000-4000-8000-000000000000";
    for (const mode of ["listen", "whisper", "barge"]) await expect(client.ask("supervise", { call, mode })).rejects.toMatchObject({ code: "forbidden", message: expect.stringContaining(`supervise.${mode}`) as string });
    client.socket.close();
  });

  it("ends at once when it is revoked, on open sockets too, and is kept in no database", async () => {
    const { token, id } = await make({ name: "short", user: "boris", scopes: ["messages"] });
    const { client, snapshot } = await signIn(token);
    expect((await stack.api("DELETE", `/tokens/${id}`)).status).toBe(204);
    expect(await client.closedWith()).toBe(closeCodes.unauthorized);
    await expect((await stack.open()).ask("resume", { resumeToken: snapshot.resumeToken, lastSeq: 0 })).rejects.toMatchObject({ code: "not-found" });
    expect(await refused(token)).toBe("unauthorized: The API token is unknown, was revoked or has expired.");
    for (const { output } of stack.servers) expect(output()).not.toContain(token);
  });

  it("of a server signs nobody in", async () => {
    const { token } = await make({ name: "crm", scopes: ["calls"] });
    expect(await refused(token)).toMatch(/^forbidden: This API token is nobody's/);
  });
});

describe("guessing", () => {
  it("is slowed down for tokens as for passwords", async () => {
    let answer = "";
    for (let n = 0; n < 40 && !answer.startsWith("too-many"); n++) answer = await refused(`hl_${String(n).padStart(43, "x")}`, "10.9.9.9");
    expect(answer).toMatch(/^too-many: Too many attempts to sign in\. Try again in \d+ seconds\.$/);
  });
});
