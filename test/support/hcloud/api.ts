import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Actions } from "./actions.ts";
import { ApiError, type Answer, type Body, type Code, type Routes } from "./answer.ts";
import { catalogueRoutes } from "./catalogue.ts";
import { firewallRoutes, firewalls } from "./firewalls.ts";
import type { Machines } from "./machine.ts";
import { networkRoutes, networks } from "./networks.ts";
import { placementGroupRoutes, placementGroups } from "./placement-groups.ts";
import { primaryIpRoutes, primaryIps } from "./primary-ips.ts";
import { RateLimit } from "./rate-limit.ts";
import { serverRoutes, servers } from "./servers.ts";
import { sshKeyRoutes, sshKeys } from "./ssh-keys.ts";

/** What goes wrong with a request: an error instead of an answer, or the connection closed before anything is done, or after it. */
export type Fault = Code | "cut before" | "cut after";

const mostBody = 1 << 20;

/**
 * Hetzner Cloud's HTTP interface on loopback, with one project in it. It behaves as documented (docs.hetzner.cloud): a token, names that are unique, actions
 * that go on after the answer and lock what they change, protection, a limit of requests, lists by pages. What goes wrong is ordered by the test.
 */
export class CloudApi {
  /** Requests that were let in, as `POST /servers`. */
  readonly asked: string[] = [];
  readonly actions = new Actions();
  readonly keys = sshKeys();
  readonly networks = networks();
  readonly groups = placementGroups();
  readonly addresses = primaryIps();
  readonly firewalls = firewalls();
  readonly servers = servers();
  readonly rate = new RateLimit();
  readonly #token: string;
  readonly #faults: { line: RegExp; fault: Fault; times: number }[] = [];
  readonly #routes: readonly { method: string; path: RegExp; handle: Routes[string] }[];
  readonly #http: HttpServer;

  private constructor(token: string, base: string, machines?: Machines) {
    this.#token = token;
    const { actions } = this;
    const isOff = (id: number) => this.servers.get(id).status === "off";
    this.#routes = compiled({
      ...actions.routes(), ...catalogueRoutes(), ...sshKeyRoutes(this.keys), ...networkRoutes(this.networks, actions), ...placementGroupRoutes(this.groups),
      ...primaryIpRoutes(this.addresses, actions, base, isOff), ...firewallRoutes(this.firewalls, actions, (id) => this.servers.get(id)),
      ...serverRoutes(this.servers, { ...this, machines }),
    });
    this.#http = createServer((request, response) => void this.#answer(request, response));
  }

  /**
   * @param token what its clients must have
   * @param base the first three numbers of its addresses of IPv4
   * @param machines what its servers run on; without, they are words alone
   */
  static async start(token: string, base: string, machines?: Machines): Promise<CloudApi> {
    const api = new CloudApi(token, base, machines);
    await new Promise<void>((resolve, reject) => api.#http.once("error", reject).listen(0, "127.0.0.1", resolve));
    return api;
  }

  /** For `HCLOUD_ENDPOINT`. */
  get endpoint(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}/v1`;
  }

  /** Those of the requests that change something. */
  get changes(): string[] {
    return this.asked.filter((line) => !line.startsWith("GET "));
  }

  /** The next requests that match go wrong. */
  fail(line: RegExp, fault: Fault, times = 1): void {
    this.#faults.push({ line, fault, times });
  }

  async stop(): Promise<void> {
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
    await this.actions.end();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, "http://loopback");
    const path = url.pathname.replace(/^\/v1/, "");
    const line = `${request.method} ${path}`;
    const fault = this.#faultOf(line);
    if (fault === "cut before") return void request.socket.destroy();
    const answer = await this.#carryOut(request, path, url.searchParams, line, fault).catch((error: unknown) => {
      if (error instanceof ApiError) return { status: error.status, body: error.body };
      // A mistake of the stand-in's own: the test is to fail at once.
      request.socket.destroy();
      throw error;
    });
    if (fault === "cut after") return void request.socket.destroy();
    response.writeHead(answer.status, { ...this.rate.headers, ...(answer.body === undefined ? {} : { "content-type": "application/json" }) });
    response.end(answer.body === undefined ? undefined : JSON.stringify(answer.body));
  }

  async #carryOut(request: IncomingMessage, path: string, query: URLSearchParams, line: string, fault: Exclude<Fault, "cut before"> | undefined): Promise<Answer> {
    const body = await bodyOf(request);
    if (request.headers.authorization !== `Bearer ${this.#token}`) throw new ApiError("unauthorized", "unable to authenticate");
    this.rate.take();
    if (fault !== undefined && fault !== "cut after") throw new ApiError(fault, `ordered by the test: ${fault}`);
    this.asked.push(line);
    for (const { method, path: expression, handle } of this.#routes) {
      const found = method === request.method && expression.exec(path);
      if (found) return handle({ id: Number(found[1] ?? 0), query, body });
    }
    throw new ApiError("not_found", `no such path: ${line}`);
  }

  #faultOf(line: string): Fault | undefined {
    const ordered = this.#faults.find((one) => one.times > 0 && one.line.test(line));
    if (ordered === undefined) return undefined;
    ordered.times--;
    return ordered.fault;
  }
}

function compiled(routes: Routes) {
  return Object.entries(routes).map(([line, handle]) => {
    const [method, path] = line.split(" ") as [string, string];
    return { method, path: new RegExp(`^${path.replace(":id", "(\\d+)")}$`), handle };
  });
}

async function bodyOf(request: IncomingMessage): Promise<Body> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) {
    text += chunk as string;
    if (text.length > mostBody) throw new ApiError("json_error", "body is too large");
  }
  if (text === "") return {};
  try {
    return JSON.parse(text) as Body;
  } catch {
    throw new ApiError("json_error", "invalid JSON");
  }
}
