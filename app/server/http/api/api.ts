import type { IncomingMessage, ServerResponse } from "node:http";
import { openApi, statusOf } from "../../../protocol/openapi.ts";
import { routes, type Route, type RouteName } from "../../../protocol/rest.ts";
import type { ErrorCode } from "../../../protocol/wire.ts";
import type { Config } from "../../config.ts";
import type { Logger } from "../../log.ts";
import { RateLimit } from "../../../limits/rate-limit.ts";
import { answerTo, RequestError } from "../../sessions/connection.ts";
import type { Caller } from "../../sign-in.ts";
import type { Telephone } from "../../telephone.ts";
import { callsApi } from "./calls.ts";
import type { ApiHandlers } from "./handlers.ts";
import { peopleApi } from "./people.ts";
import { roomsApi } from "./rooms.ts";
import { tokensApi } from "./tokens.ts";

/** Bytes of a body; requests of one caller: so many at once, then one every so many milliseconds. */
const mostBytes = 65_536;
const burst = 200;
const everyMs = 20;

interface Match { name: RouteName; route: Route; path: Record<string, string> }

/** The REST API: finds the route, the caller and their permission, checks every part, answers in JSON. */
export class Api {
  readonly #telephone: Telephone;
  readonly #origins: ReadonlySet<string>;
  readonly #log: Logger;
  readonly #handlers: ApiHandlers<RouteName>;
  readonly #perCaller = new RateLimit(burst, everyMs);

  constructor({ apiOrigins }: Pick<Config, "apiOrigins">, telephone: Telephone, log: Logger) {
    this.#telephone = telephone;
    this.#origins = apiOrigins;
    this.#log = log;
    const { people, tokens, rooms, sessions } = telephone;
    const description = openApi();
    this.#handlers = {
      ...peopleApi(telephone), ...tokensApi({ tokens, people, sessions }), ...roomsApi(rooms, people), ...callsApi({ ...telephone.parts, command: telephone.command }),
      openApi: () => description,
    };
  }

  /** @param path below `/api`, beginning with '/' */
  async answer(request: IncomingMessage, response: ServerResponse, path: string, address: string): Promise<void> {
    response.setHeader("Cache-Control", "no-store");
    response.setHeader("X-Content-Type-Options", "nosniff");
    this.#allowOrigin(request, response);
    try {
      const found = matching(path);
      if (found.length === 0) throw new RequestError("not-found", `There is no '/api${path.slice(0, 100)}'. GET /api/openapi.json lists what there is.`);
      if (request.method === "OPTIONS") return void response.writeHead(204, { Allow: allowed(found) }).end();
      const match = found.find(({ route }) => route.method === (request.method === "HEAD" ? "GET" : request.method));
      if (!match) return refuse(response, 405, "bad-request", `'/api${path.slice(0, 100)}' answers ${allowed(found)}.`, { Allow: allowed(found) });
      await this.#run(match, request, response, address);
    } catch (error) {
      // A body that nobody reads would be taken for the next request.
      if (!request.complete) response.setHeader("Connection", "close");
      if (error instanceof TooLarge) return refuse(response, 413, "bad-request", `A body has at most ${mostBytes} bytes.`);
      const { code, message } = answerTo(error, `${request.method} /api${path.slice(0, 100)}`, this.#log);
      refuse(response, statusOf[code], code, message, {
        ...(code === "unauthorized" ? { "WWW-Authenticate": "Bearer" } : {}), ...(code === "too-many" ? { "Retry-After": "5" } : {}),
      });
    }
  }

  async #run({ name, route, path }: Match, request: IncomingMessage, response: ServerResponse, address: string): Promise<void> {
    const caller = route.permission === null ? undefined : await this.#caller(request, address, route.permission);
    const parts = { path: check("the path", route.path, path), query: check("the query", route.query, queryOf(request)), body: route.body ? check("the body", route.body, await bodyOf(request)) : undefined };
    const result = await this.#handlers[name](parts as never, caller as Caller);
    if (caller && request.method !== "GET" && request.method !== "HEAD") this.#log.info({ by: caller.name, address, request: `${route.method} /api${route.at}`, ...path }, "administered");
    if (route.status === 204) return void response.writeHead(204).end();
    json(response, route.status, result);
  }

  async #caller(request: IncomingMessage, address: string, permission: NonNullable<Route["permission"]>): Promise<Caller> {
    const [scheme = "", token = ""] = (request.headers.authorization ?? "").split(" ");
    if (scheme.toLowerCase() !== "bearer" || token === "") throw new RequestError("unauthorized", "Give an API token or a JWT in the header 'Authorization: Bearer …'.");
    const caller = await this.#telephone.signIn.caller(token, { address });
    if (this.#perCaller.take(caller.name) > 0) throw new RequestError("too-many", "Too many requests at once. Try again in a few seconds.");
    if (!caller.permissions.has(permission)) throw new RequestError("forbidden", `This needs the permission '${permission}'.`);
    return caller;
  }

  /** Pages of other origins may not read answers, unless the configuration names them. (Fetch Standard, "CORS protocol") */
  #allowOrigin(request: IncomingMessage, response: ServerResponse): void {
    const { origin } = request.headers;
    if (this.#origins.size === 0) return;
    response.setHeader("Vary", "Origin");
    if (origin === undefined || !this.#origins.has(origin)) return;
    response.setHeader("Access-Control-Allow-Origin", origin);
    response.setHeader("Access-Control-Allow-Headers", "Authorization, Content-Type");
    response.setHeader("Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE");
    response.setHeader("Access-Control-Max-Age", "600");
  }
}

class TooLarge extends Error {}

const patterns = (Object.entries(routes) as [RouteName, Route][]).map(([name, route]) => ({ name, route, pattern: new RegExp(`^${route.at.replace(/[.]/g, "\\.").replace(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`) }));

function matching(path: string): Match[] {
  const found = patterns.flatMap(({ name, route, pattern }) => {
    const groups = pattern.exec(path)?.groups;
    return pattern.test(path) ? [{ name, route, path: Object.fromEntries(Object.entries(groups ?? {}).map(([key, value]) => [key, decoded(value)])) }] : [];
  });
  // '/calls/history' is a page of its own, not a call.
  const exact = found.filter(({ route }) => route.at === path);
  return exact.length > 0 ? exact : found;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const allowed = (found: readonly Match[]) => found.map(({ route }) => route.method).join(", ");

function queryOf(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(new URLSearchParams((request.url ?? "").split("?")[1] ?? ""));
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  if (!/^application\/json\b/i.test(request.headers["content-type"] ?? "")) throw new RequestError("bad-request", "Send JSON, with the header 'Content-Type: application/json'.");
  if (Number(request.headers["content-length"] ?? 0) > mostBytes) throw new TooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new TooLarge();
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString()) as unknown;
  } catch {
    throw new RequestError("bad-request", "The body is not JSON.");
  }
}

function check<T>(where: string, schema: { safeParse(value: unknown): { success: true; data: T } | { success: false; error: { issues: { path: PropertyKey[]; message: string; code: string; keys?: string[] }[] } } }, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const name = [...issue.path, ...(issue.code === "unrecognized_keys" ? issue.keys ?? [] : [])].join(".");
  throw new RequestError("bad-request", issue.code === "unrecognized_keys" ? `In ${where} there is no '${name}'.` : `In ${where}, '${name}' is not as it must be: ${issue.message}.`);
}

function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { "Content-Type": "application/json; charset=utf-8", "Content-Length": Buffer.byteLength(text), ...headers }).end(text);
}

function refuse(response: ServerResponse, status: number, code: ErrorCode, message: string, headers: Record<string, string> = {}): void {
  json(response, status, { error: { code, message } }, headers);
}
