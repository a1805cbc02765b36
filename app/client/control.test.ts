import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { WebSocketServer } from "ws";
import type { WebSocket as ServerSocket } from "ws";
import { closeCodes } from "../protocol/wire.ts";
import { Control } from "./control.ts";
import type { ControlOptions } from "./control.ts";
import type { ControlState, SessionLoss } from "./control-state.ts";
import { ControlError } from "./control-error.ts";
import { memoryStore } from "./session-store.ts";

interface Request {
  id: number;
  name: string;
  params: { password?: string; resumeToken?: string; lastSeq?: number };
}

const anna = { user: "anna", name: "Anna Berg", extension: "101", presence: "available" };
const snapshot = { session: "s1", resumeToken: "token-1", me: anna, people: [anna], calls: [], sip: null };

let server: WebSocketServer;
let servers: WebSocketServer[] = [];
let controls: Control[] = [];
/** Every request, with the socket it came on. */
let asked: { socket: ServerSocket; request: Request }[] = [];
/** What the server answers; a test replaces it. */
let answer: (request: Request, socket: ServerSocket) => object | undefined;
let version = 1;

beforeEach(async () => {
  asked = [];
  version = 1;
  answer = (request) => {
    if (request.name !== "login" || request.params.password === "right") return { type: "response", id: request.id, result: request.name === "login" || request.name === "resume" ? snapshot : {} };
    return { type: "error", id: request.id, code: "unauthorized", message: "The name or the password is wrong." };
  };
  server = await listen();
});

afterEach(async () => {
  for (const control of controls) control.close();
  controls = [];
  for (const one of servers) await end(one);
  servers = [];
});

/** A server that answers as the test says. */
async function listen(): Promise<WebSocketServer> {
  const listening = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  servers.push(listening);
  await once(listening, "listening");
  listening.on("connection", (socket) => {
    socket.on("message", (data) => {
      const frame = JSON.parse(String(data));
      if (frame.type === "hello") return socket.send(JSON.stringify({ type: "hello", version, server: "test" }));
      asked.push({ socket, request: frame });
      const reply = answer(frame, socket);
      if (reply) socket.send(JSON.stringify(reply));
    });
  });
  return listening;
}

/** It is gone, and refuses whoever comes. */
async function end(one: WebSocketServer): Promise<void> {
  for (const socket of one.clients) socket.terminate();
  await new Promise((done) => one.close(done));
}

function url(at = server): string {
  return `ws://127.0.0.1:${(at.address() as { port: number }).port}/ws`;
}

function make(options: Partial<ControlOptions> = {}): Control {
  const control = new Control({ urls: [url()], store: memoryStore(), backOff: { firstMs: 10, longestMs: 40 }, ...options });
  controls.push(control);
  return control;
}

function lastSocket(): ServerSocket {
  return asked.at(-1)!.socket;
}

function event(seq: number, name: string, data: object): string {
  return JSON.stringify({ type: "event", seq, name, data });
}

const requests = (name: string) => asked.filter(({ request }) => request.name === name);

test("signing in gives the snapshot; a wrong password is refused in words and leaves no socket", async () => {
  const control = make();
  await expect(control.login("anna", "wrong")).rejects.toThrow(new ControlError("unauthorized", "The name or the password is wrong."));
  expect(control.state).toBe("signed-out");
  await vi.waitFor(() => expect(server.clients.size).toBe(0));
  const signedIn = await control.login("anna", "right");
  expect(signedIn.me.name).toBe("Anna Berg");
  expect(control.state).toBe("online");
});

test("a server that can't be reached is a plain sentence", async () => {
  const control = make({ urls: ["ws://127.0.0.1:9/ws"] });
  await expect(control.login("anna", "right")).rejects.toThrow("can't be reached");
  expect(control.state).toBe("signed-out");
});

test("a lost socket comes back with the token and the number of the last event, and sees no event twice", async () => {
  const control = make();
  const heard: string[] = [];
  control.on("event", (it) => heard.push(it.name === "person" ? it.data.person.presence : it.name));
  await control.login("anna", "right");
  lastSocket().send(event(1, "person", { person: anna }));
  lastSocket().send(event(2, "person", { person: { ...anna, presence: "in-call" } }));
  await vi.waitFor(() => expect(heard).toHaveLength(2));
  const states: ControlState[] = [];
  control.on("state", (state) => states.push(state));
  lastSocket().terminate();
  await vi.waitFor(() => expect(states).toEqual(["reconnecting", "online"]));
  expect(asked.at(-1)!.request.params).toEqual({ resumeToken: "token-1", lastSeq: 2, knowsPeople: true });
  lastSocket().send(event(2, "person", { person: anna }));
  lastSocket().send(event(3, "person", { person: { ...anna, presence: "ringing" } }));
  await vi.waitFor(() => expect(heard).toEqual(["available", "in-call", "ringing"]));
});

test("a missing event makes it come back and ask for what it missed", async () => {
  const control = make();
  await control.login("anna", "right");
  lastSocket().send(event(1, "person", { person: anna }));
  lastSocket().send(event(3, "person", { person: anna }));
  await vi.waitFor(() => expect(requests("resume")).toHaveLength(1));
  expect(requests("resume")[0]!.request.params.lastSeq).toBe(1);
});

test("a new page of the tab takes the session up, and has to be told of everybody", async () => {
  const store = memoryStore();
  const before = make({ store });
  await before.login("anna", "right");
  before.close();
  const after = make({ store });
  const people = new Promise((resolve) => { after.on("snapshot", (snapshot) => resolve(snapshot.people)); });
  expect(after.start()).toBe(true);
  expect(await people).toEqual([anna]);
  expect(requests("resume")[0]!.request.params).toEqual({ resumeToken: "token-1", lastSeq: 0, knowsPeople: false });
});

test("right after a return the numbers may skip, since the snapshot covers them", async () => {
  const control = make();
  await control.login("anna", "right");
  lastSocket().terminate();
  await vi.waitFor(() => expect(requests("resume")).toHaveLength(1));
  await vi.waitFor(() => expect(control.state).toBe("online"));
  lastSocket().send(event(900, "person", { person: anna }));
  lastSocket().send(event(901, "person", { person: anna }));
  await new Promise((done) => setTimeout(done, 60));
  expect(requests("resume")).toHaveLength(1);
  expect(control.state).toBe("online");
});

test("it keeps trying while the server is away, and stops when the session is no longer known", async () => {
  const control = make();
  await control.login("anna", "right");
  let refusals = 0;
  answer = (request) => {
    refusals++;
    return { type: "error", id: request.id, code: refusals < 4 ? "unavailable" : "not-found", message: "No." };
  };
  const losses: SessionLoss[] = [];
  control.on("lost", (loss) => losses.push(loss));
  lastSocket().terminate();
  await vi.waitFor(() => expect(losses).toEqual(["expired"]));
  expect(refusals).toBe(4);
  expect(control.state).toBe("signed-out");
  expect(control.start()).toBe(false);
});

test("a server that says goodbye is left at once for another", async () => {
  const control = make({ backOff: { firstMs: 60_000, longestMs: 60_000 } });
  await control.login("anna", "right");
  lastSocket().send(event(1, "goodbye", { delayMs: 5 }));
  lastSocket().close(closeCodes.goingAway);
  await vi.waitFor(() => expect(requests("resume")).toHaveLength(1));
  await vi.waitFor(() => expect(control.state).toBe("online"));
});

test("a page that another one replaced does not fight for the session, and may take it back", async () => {
  const control = make();
  await control.login("anna", "right");
  const losses: SessionLoss[] = [];
  control.on("lost", (loss) => losses.push(loss));
  lastSocket().close(closeCodes.replaced);
  await vi.waitFor(() => expect(losses).toEqual(["replaced"]));
  await new Promise((done) => setTimeout(done, 80));
  expect(requests("resume")).toHaveLength(0);
  expect(control.start()).toBe(true);
  await vi.waitFor(() => expect(control.state).toBe("online"));
});

test("a silent server is pinged, and left when it does not answer", async () => {
  const control = make({ heartbeatMs: 60, requestTimeoutMs: 60 });
  await control.login("anna", "right");
  const usual = answer;
  answer = (request, socket) => (request.name === "ping" ? undefined : usual(request, socket));
  await vi.waitFor(() => expect(requests("ping").length).toBeGreaterThan(0));
  await vi.waitFor(() => expect(requests("resume").length).toBeGreaterThan(0));
});

test("what waits for an answer is rejected when the socket goes", async () => {
  const control = make();
  await control.login("anna", "right");
  const usual = answer;
  answer = (request, socket) => (request.name === "setDoNotDisturb" ? undefined : usual(request, socket));
  const waiting = control.request("setDoNotDisturb", { on: true });
  await vi.waitFor(() => expect(requests("setDoNotDisturb")).toHaveLength(1));
  lastSocket().terminate();
  await expect(waiting).rejects.toThrow("The connection to the telephone server was lost.");
});

test("more requests at once than the protocol allows are refused here", async () => {
  const control = make();
  await control.login("anna", "right");
  answer = () => undefined;
  const outcomes = Array.from({ length: 33 }, () => control.request("ping", {}).catch((error: ControlError) => error.code));
  expect(await outcomes[32]).toBe("too-many");
  control.close();
  expect(await outcomes[0]).toBe("unavailable");
});

test("a server of another protocol version is left for good", async () => {
  version = 2;
  const control = make();
  await expect(control.login("anna", "right")).rejects.toThrow("reload the page");
  expect(control.state).toBe("signed-out");
});

test("signing out tells the server and forgets the session", async () => {
  const store = memoryStore();
  const control = make({ store });
  await control.login("anna", "right");
  expect(store.load()).toEqual({ token: "token-1", lastSeq: 0 });
  await control.logout();
  expect(requests("logout")).toHaveLength(1);
  expect(store.load()).toBeUndefined();
  expect(control.state).toBe("signed-out");
});

test("closing twice is closing once, and the session stays for the next page", async () => {
  const store = memoryStore();
  const control = make({ store });
  await control.login("anna", "right");
  control.close();
  control.close();
  expect(control.state).toBe("closed");
  const next = make({ store });
  expect(next.start()).toBe(true);
  await vi.waitFor(() => expect(next.state).toBe("online"));
  expect(requests("resume")).toHaveLength(1);
});

test("events that come before the answer to signing in are counted", async () => {
  const person = (seq: number) => ({ type: "event", seq, name: "person", data: { person: anna } });
  answer = (request, socket) => {
    if (request.name === "login") socket.send(JSON.stringify(person(1)));
    return { type: "response", id: request.id, result: snapshot };
  };
  const control = make();
  const states: ControlState[] = [];
  control.on("state", (state) => states.push(state));
  await control.login("anna", "right");
  asked[0]!.socket.send(JSON.stringify(person(2)));
  await new Promise<void>((resolve) => control.on("event", () => resolve()));
  expect(states).toEqual(["connecting", "online"]);
});

describe("where there are several servers", () => {
  let other: WebSocketServer;
  beforeEach(async () => {
    other = await listen();
    const [alone, told] = [answer, [url(), url(other)]];
    answer = (request, socket) => {
      const reply = alone(request, socket) as { result?: object } | undefined;
      return reply?.result === snapshot ? { ...reply, result: { ...snapshot, servers: told } } : reply;
    };
  });
  const isAt = (control: Control, at: WebSocketServer) => vi.waitFor(() => expect([control.state, control.server, at.clients.size]).toEqual(["online", url(at), 1]));

  test("the session goes on at another when its own is gone, and after a reload there, too", async () => {
    const store = memoryStore();
    const control = make({ store });
    await control.login("anna", "right");
    const gone = url();
    await end(server);
    servers = [server = other];
    await isAt(control, other);
    expect(requests("resume")[0]!.request.params.resumeToken).toBe("token-1");
    control.close();
    expect(store.load()!.servers).toEqual([url(other), gone]);
    const next = make({ store, urls: [gone], backOff: { firstMs: 60_000, longestMs: 60_000 } });
    next.start();
    await isAt(next, other);
  });

  test("one that closes its sockets and is there again keeps its people", async () => {
    const control = make();
    await control.login("anna", "right");
    lastSocket().terminate();
    await vi.waitFor(() => expect(requests("resume")).toHaveLength(1));
    await isAt(control, server);
    expect(other.clients.size).toBe(0);
  });

  test.each(["idle", "inCall"] as const)("one that says nothing any more is missed by who is %s at that pace, and left", async (state) => {
    const [never, soon] = [{ heartbeatMs: 60_000, answerMs: 60_000 }, { heartbeatMs: 60, answerMs: 60 }];
    const control = make({ paces: { idle: never, inCall: never, [state]: soon } });
    await control.login("anna", "right");
    control.inCall = state === "inCall";
    const [usual, silent] = [answer, lastSocket()];
    answer = (request, socket) => (socket === silent ? undefined : usual(request, socket));
    await isAt(control, other);
  });

  test("one that takes nobody is left for the next, and back again", async () => {
    const control = make();
    await control.login("anna", "right");
    const usual = answer;
    let refusals = 0;
    answer = (request, socket) => (request.name === "resume" && refusals++ < 2 ? { type: "error", id: request.id, code: "unavailable", message: "No." } : usual(request, socket));
    lastSocket().terminate();
    // Its own first, then the other, then its own again.
    await vi.waitFor(() => expect([refusals, control.state, control.server]).toEqual([3, "online", url()]));
  });

  test("whoever signs in asks each until one answers; a wrong password is not asked for twice", async () => {
    const control = make({ urls: ["ws://127.0.0.1:9/ws", url(other)] });
    await expect(control.login("anna", "wrong")).rejects.toMatchObject({ code: "unauthorized" });
    expect(requests("login")).toHaveLength(1);
    await control.login("anna", "right");
    await isAt(control, other);
  });
});
