import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { setTimeout as delay } from "node:timers/promises";
import type { Credentials } from "./registry-credentials.ts";
import { refused } from "./registry-error.ts";
import { Refusal } from "./refusal.ts";

/** Media types that we write, and those that we read. (OCI Image Format; Docker Image Manifest V2, Schema 2) */
export const manifestType = "application/vnd.oci.image.manifest.v1+json";
export const configType = "application/vnd.oci.image.config.v1+json";
export const layerType = "application/vnd.oci.image.layer.v1.tar+gzip";
const readable = [manifestType, "application/vnd.docker.distribution.manifest.v2+json"].join(", ");

export interface Descriptor { mediaType: string; digest: string; size: number }
export interface Manifest { schemaVersion: 2; mediaType: string; config: Descriptor; layers: Descriptor[]; annotations?: Record<string, string> }

export interface RegistryOptions {
  credentials?: Credentials;
  /** How often a request is made at most, when the network or the registry fails. */
  tries?: number;
  /** Milliseconds before the second try; each further one waits twice as long, with jitter. */
  firstDelayMs?: number;
}

const defaults = { tries: 6, firstDelayMs: 500 };
const longestManifest = 4 << 20;
/** No answer within this: the network is taken for broken. An upload's answer comes after all of it. */
const answerMs = 60_000;
const uploadMs = 1_800_000;

type Request = { method?: string; path: string; headers?: Record<string, string>; body?: BodyInit; slow?: boolean };

/** A container registry, spoken to as the OCI Distribution Specification has it. */
export class Registry {
  readonly host: string;
  readonly #base: string;
  readonly #options: RegistryOptions & typeof defaults;
  /** By scope: what a token was given for. */
  readonly #authorizations = new Map<string, string>();

  /** @param host with its port; spoken to by http on loopback, by https elsewhere, as Docker does */
  constructor(host: string, options: RegistryOptions = {}) {
    this.host = host;
    this.#base = `${/^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/.test(host) ? "http" : "https"}://${host}`;
    this.#options = { ...defaults, ...options };
  }

  /** @param reference a tag or a digest; `undefined` when there is none */
  async manifest(repository: string, reference: string): Promise<{ digest: string; bytes: Buffer; manifest: Manifest } | undefined> {
    const response = await this.#ask(repository, "pull", { path: `/manifests/${reference}`, headers: { accept: readable } });
    if (response.status === 404) return undefined;
    if (!response.ok) throw await refused(this.host, `read ${repository}:${reference}`, response);
    const bytes = await bounded(response, longestManifest, `the manifest of ${repository}:${reference}`);
    const digest = digestOf(bytes);
    if (reference.startsWith("sha256:") && digest !== reference) throw new Refusal(`The registry ${this.host} sent another manifest than ${repository}@${reference}: its digest is ${digest}.`);
    try {
      return { digest, bytes, manifest: JSON.parse(bytes.toString()) as Manifest };
    } catch {
      throw new Refusal(`The registry ${this.host} sent something as ${repository}:${reference} that is no manifest.`);
    }
  }

  /** What a tag stands for, an index of several platforms too. */
  async digestOf(repository: string, tag: string): Promise<string | undefined> {
    const index = ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json", readable].join(", ");
    const response = await this.#ask(repository, "pull", { path: `/manifests/${tag}`, headers: { accept: index } });
    if (response.status === 404) return undefined;
    if (!response.ok) throw await refused(this.host, `read ${repository}:${tag}`, response);
    return digestOf(await bounded(response, longestManifest, `the manifest of ${repository}:${tag}`));
  }

  async putManifest(repository: string, reference: string, bytes: Buffer, mediaType = manifestType): Promise<void> {
    const response = await this.#ask(repository, "pull,push", { method: "PUT", path: `/manifests/${reference}`, headers: { "content-type": mediaType }, body: new Uint8Array(bytes) });
    if (!response.ok) throw await refused(this.host, `publish ${repository}:${reference}`, response);
    await response.body?.cancel();
  }

  async hasBlob(repository: string, digest: string): Promise<boolean> {
    const response = await this.#ask(repository, "pull", { method: "HEAD", path: `/blobs/${digest}` });
    if (response.ok || response.status === 404) return response.ok;
    throw await refused(this.host, `look for a layer in ${repository}`, response);
  }

  /** A small blob whole, its digest checked. */
  async blob(repository: string, digest: string, limit: number): Promise<Buffer> {
    const response = await this.#ask(repository, "pull", { path: `/blobs/${digest}` });
    if (!response.ok) throw await refused(this.host, `read ${digest} of ${repository}`, response);
    const bytes = await bounded(response, limit, `${digest} of ${repository}`);
    if (digestOf(bytes) !== digest) throw new Refusal(`The registry ${this.host} sent something else as ${digest} of ${repository}.`);
    return bytes;
  }

  /**
   * Uploads a blob in one piece; a try that fails begins it anew.
   *
   * @param mountFrom a repository of this registry that may have it already
   * @returns bytes that went over the wire
   */
  async putBlob(repository: string, digest: string, body: Blob, mountFrom?: string): Promise<number> {
    if (await this.hasBlob(repository, digest)) return 0;
    const mount = mountFrom === undefined ? "" : `?mount=${digest}&from=${mountFrom}`;
    const sent = await this.#again(`upload a layer to ${repository}`, async () => {
      const begun = await this.#once(repository, "pull,push", { method: "POST", path: `/blobs/uploads/${mount}` }, mountFrom);
      await begun.body?.cancel();
      if (begun.status === 201) return { response: begun, bytes: 0 };
      const location = begun.headers.get("location");
      if (begun.status !== 202 || location === null) return { response: begun, bytes: 0 };
      const url = new URL(location, `${this.#base}/`);
      url.searchParams.set("digest", digest);
      const response = await this.#once(repository, "pull,push", { method: "PUT", path: url.href, headers: { "content-type": "application/octet-stream" }, body, slow: true });
      return { response, bytes: body.size };
    });
    if (!sent.response.ok) throw await refused(this.host, `upload a layer to ${repository}`, sent.response);
    return sent.bytes;
  }

  async #ask(repository: string, actions: string, request: Request): Promise<Response> {
    return (await this.#again(`${request.method === "PUT" ? "write to" : "read"} ${repository}`, async () => ({ response: await this.#once(repository, actions, request) }))).response;
  }

  /** Tries again while the network or the registry fails; what it refuses is an answer. */
  async #again<T extends { response: Response }>(what: string, work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      let reason: string;
      let wait = this.#options.firstDelayMs * 2 ** (attempt - 1) * (0.75 + Math.random() / 2);
      try {
        const result = await work();
        const { status, headers } = result.response;
        if (status !== 408 && status !== 429 && status < 500) return result;
        await result.response.body?.cancel();
        reason = `HTTP ${status}`;
        const asked = Number(headers.get("retry-after"));
        if (asked > 0 && asked <= 60) wait = asked * 1_000;
      } catch (error) {
        if (error instanceof Refusal) throw error;
        reason = causeOf(error);
      }
      if (attempt >= this.#options.tries) throw new Refusal(`The registry ${this.host} could not ${what}: ${reason}, at each of ${attempt} tries. Nothing that is in use was changed; type the same again when it answers.`);
      await delay(wait);
    }
  }

  /** One request; a challenge is answered, and the request made once more. */
  async #once(repository: string, actions: string, request: Request, alsoPull?: string): Promise<Response> {
    const scope = [`repository:${repository}:${actions}`, ...(alsoPull === undefined ? [] : [`repository:${alsoPull}:pull`])].join(" ");
    const url = request.path.startsWith("/") ? `${this.#base}/v2/${repository}${request.path}` : request.path;
    const send = () => {
      const authorization = new URL(url).host === new URL(this.#base).host ? this.#authorizations.get(scope) : undefined;
      return fetch(url, {
        method: request.method ?? "GET", body: request.body, headers: { ...request.headers, ...(authorization === undefined ? {} : { authorization }) },
        signal: AbortSignal.timeout(request.slow ? uploadMs : answerMs),
      });
    };
    const response = await send();
    const challenge = response.headers.get("www-authenticate");
    if (response.status !== 401 || challenge === null) return response;
    const authorization = await this.#authorize(challenge, scope);
    if (authorization === undefined) return response;
    await response.body?.cancel();
    this.#authorizations.set(scope, authorization);
    return send();
  }

  /** What answers a challenge: Basic credentials, or a token from where the registry says. (Distribution Registry, "Token Authentication") */
  async #authorize(challenge: string, scope: string): Promise<string | undefined> {
    const { credentials } = this.#options;
    const basic = credentials && "user" in credentials ? `Basic ${Buffer.from(`${credentials.user}:${credentials.password}`).toString("base64")}` : undefined;
    if (/^basic/i.test(challenge)) return basic;
    const parts = Object.fromEntries([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]));
    if (!/^bearer/i.test(challenge) || !parts.realm) return undefined;
    const realm = new URL(parts.realm);
    if (realm.protocol !== "https:" && realm.hostname !== new URL(this.#base).hostname) throw new Refusal(`The registry ${this.host} wants a password to be sent to ${realm.origin} in plain text; that is not done.`);
    const query = new URLSearchParams({ ...(parts.service ? { service: parts.service } : {}), client_id: "houseline" });
    for (const one of scope.split(" ")) query.append("scope", one);
    let response: Response;
    if (credentials && "identityToken" in credentials) {
      query.set("grant_type", "refresh_token");
      query.set("refresh_token", credentials.identityToken);
      query.set("scope", scope);
      response = await fetch(realm, { method: "POST", body: query, signal: AbortSignal.timeout(answerMs) });
    } else {
      query.forEach((value, key) => realm.searchParams.append(key, value));
      response = await fetch(realm, { headers: basic === undefined ? {} : { authorization: basic }, signal: AbortSignal.timeout(answerMs) });
    }
    if (!response.ok) throw await refused(this.host, "sign in", response);
    const { token, access_token } = await response.json() as { token?: string; access_token?: string };
    return `Bearer ${token ?? access_token}`;
  }
}

export const digestOf = (bytes: Buffer) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

async function bounded(response: Response, limit: number, what: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body === null ? [] : Readable.fromWeb(response.body as ReadableStream) as AsyncIterable<Uint8Array>) {
    length += part.length;
    if (length > limit) throw new Refusal(`A registry sent more than ${limit} bytes as ${what}.`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** undici wraps what happened in "fetch failed". */
function causeOf(error: unknown): string {
  const { message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? message;
}
