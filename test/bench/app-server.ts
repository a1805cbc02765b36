/** The application server under many sockets and many calls, beside a bare `ws` server that sends the same to the same sockets. */
import { spawn, type ChildProcess } from "node:child_process";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { WebSocket } from "ws";
import { createLog } from "../../app/server/log.ts";
import { openStore } from "../../app/server/store/open.ts";
import { TestStack } from "../../app/server/testing/test-stack.ts";
import { freePorts } from "../support/ports.ts";
import { until } from "../support/until.ts";
import { quantile, report } from "./figures.ts";
import { ScriptedSwitch } from "./scripted-switch.ts";
import { Subscriber } from "../support/subscriber.ts";

/** Sockets in all; people in calls have one each, the others ten. */
const sockets = Number(process.env.HOUSELINE_BENCH_SOCKETS ?? 10_000);
/** Of one office; the server has a bound. */
const socketsOfAnAddress = 1_000;
/** Of the peer: this process has both, and may have 20,000 files. */
const bareSockets = 9_000;
const talking = 100;
const idle = Math.max(1, Math.round((sockets - talking) / 10));
const eventsASecond = 2_000;
const seconds = 10;

interface Person { user: string; token: string }
const people: Person[] = Array.from({ length: talking + idle }, (_, index) => ({ user: `p${index}`, token: `hl_${randomBytes(32).toString("base64url")}` }));
const pairs = Array.from({ length: talking / 2 }, (_, index) => ({ id: String(randomUUID()), other: String(randomUUID()), caller: people[2 * index]!.user, callee: people[2 * index + 1]!.user, held: false }));
const channels = pairs.flatMap(({ id, other, caller, callee }): Record<string, string>[] => [
  { "Unique-ID": id, "Call-Direction": "inbound", "Answer-State": "answered", "Channel-Call-State": "ACTIVE", "Caller-Destination-Number": callee, "variable_sip_auth_username": `${caller}~x`, "Channel-Call-UUID": id },
  { "Unique-ID": other, "Call-Direction": "outbound", "Answer-State": "answered", "Channel-Call-State": "ACTIVE", "Channel-Presence-ID": `${callee}@test.internal`, "Other-Leg-Unique-ID": id, "Channel-Call-UUID": id },
]);

const stack = await TestStack.create();
const peers: ChildProcess[] = [];
const subscribers: Subscriber[] = [];
const scripted = new ScriptedSwitch(channels);
try {
  await fill();
  await scripted.listen(stack.ports.esl);
  await measure();
} finally {
  for (const one of subscribers) one.close();
  for (const child of peers) child.kill("SIGKILL");
  scripted.close();
  await stack.remove();
}

/** People and their tokens, straight into the database: 10,000 scrypt hashes would take minutes. */
async function fill(): Promise<void> {
  const store = await openStore({ databaseUrl: "", dataDirectory: join(stack.folder, "data"), domain: "test.internal" }, "bench", createLog("error"));
  for (const [index, { user, token }] of people.entries()) {
    await store.people.add({ user, name: `Person ${index}`, extension: String(10_000 + index), password: "" });
    await store.tokens.add({ id: randomUUID(), name: user, hash: createHash("sha256").update(token).digest("base64url"), scopes: ["calls", "messages"], user, createdAt: Date.now(), expiresAt: null });
  }
  await store.close();
}

async function measure(): Promise<void> {
  const server = await stack.start(0);
  await until("the switch", () => scripted.listeners > 0);
  pin(server.process);
  const empty = residentBytes(server.process);
  const urls = [0, 1, 2].map((slot) => `ws://127.0.0.1:${stack.ports.app + slot}/ws`);
  const wanted = people.flatMap(({ token }, index) => Array.from({ length: index < talking ? 1 : 10 }, () => token)).slice(0, sockets);
  const began = performance.now();
  await inTurn(wanted, 50, async (token) => {
    const one = new Subscriber(token, urls, undefined, `10.0.0.${Math.floor(subscribers.length / socketsOfAnAddress)}`);
    subscribers.push(one);
    await one.signIn();
  });
  report({ name: `sign-ins by API token, until ${wanted.length} sockets are there`, value: wanted.length / (performance.now() - began) * 1_000, unit: "a second" });
  await quiet();
  await idling();
  const ours = (residentBytes(server.process) - empty) / wanted.length;

  const bare = await bareServer();
  const bareEmpty = residentBytes(bare.process);
  const theirs = await openBare(bare.port, Math.min(wanted.length, bareSockets));
  await idling();
  const peerBytes = (residentBytes(bare.process) - bareEmpty) / theirs.length;
  report({ name: `memory of one of ${wanted.length} idle sockets`, value: ours, unit: "bytes", peer: peerBytes, goal: "at most 1.8 times bare ws", ok: ours <= 1.8 * peerBytes });

  const here = await fanOut(eventsASecond, tellOurs);
  const there = await fanOut(eventsASecond, bare.tell, theirs);
  for (const [name, share] of [["p50", 0.5], ["p99", 0.99], ["p99.9", 0.999]] as const) {
    const [value, peer] = [quantile(here.latencies, share), quantile(there.latencies, share)];
    report({ name: `call events at ${eventsASecond} a second, from the switch to a socket, ${name}`, value, unit: "ms", peer, ...(share === 0.99 ? { goal: "at most 2 times bare ws", ok: value <= 2 * peer } : {}) });
  }
  report({ name: "of those, events that did not come", value: here.missing, unit: "events", goal: "none", ok: here.missing === 0 });

  const most = (await fanOut(0, tellOurs)).rate;
  const peerMost = (await fanOut(0, bare.tell, theirs)).rate;
  report({ name: "ESL events parsed and delivered, as fast as they go", value: most, unit: "a second", peer: peerMost, goal: "at least 0.7 times bare ws", ok: most >= 0.7 * peerMost });
  for (const socket of theirs) socket.terminate();
  bare.process.kill("SIGKILL");
  await restarts();
}

/** Three releases one after the other while calls change: every event comes to every socket once. */
async function restarts(): Promise<void> {
  const [lost, doubled] = [sum(({ lost }) => lost), sum(({ doubled }) => doubled)];
  const began = performance.now();
  let resumes = 0;
  for (let round = 1; round <= 3; round++) {
    const before = sum(({ resumed }) => resumed);
    const next = await stack.start(round % 3);
    await until("the next release to listen to the switch", () => scripted.listeners === 2);
    const ticking = setInterval(() => tellOurs(pairs[Math.floor(Math.random() * pairs.length)]!), 10);
    stack.servers.at(-2)!.process.kill("SIGTERM");
    await until("every socket to come back", () => sum(({ resumed }) => resumed) - before >= subscribers.length, 120_000);
    clearInterval(ticking);
    pin(next.process);
    resumes += subscribers.length;
  }
  report({ name: "resumes at the next release, over three of them", value: resumes / (performance.now() - began) * 1_000, unit: "a second" });
  await settled();
  report({ name: "events lost over three restarts", value: sum((one) => one.lost) - lost, unit: "events", goal: "none", ok: sum((one) => one.lost) === lost });
  report({ name: "events doubled over three restarts", value: sum((one) => one.doubled) - doubled, unit: "events", goal: "none", ok: sum((one) => one.doubled) === doubled });
}

type Pair = (typeof pairs)[number];

/** Calls are held and taken back at a rate, or (0) as fast as the other side reads. */
async function fanOut(rate: number, tell: (pair: Pair) => void, bareSockets?: WebSocket[]): Promise<{ latencies: number[]; missing: number; rate: number }> {
  const sent = new Map(pairs.map(({ id }) => [id, [] as number[]]));
  const latencies: number[] = [];
  let received = 0;
  const readers = bareSockets ?? subscribers.slice(0, talking);
  const seen = readers.map(() => new Map<string, number>());
  const onText = (reader: number) => (text: string) => {
    const at = text.indexOf('"id":"') + 6;
    const id = text.slice(at, at + 36);
    const index = seen[reader]!.get(id) ?? 0;
    seen[reader]!.set(id, index + 1);
    const begun = sent.get(id)?.[index];
    if (begun === undefined) return;
    received++;
    latencies.push(performance.now() - begun);
  };
  for (const [index, one] of readers.slice(0, talking).entries()) {
    if (one instanceof Subscriber) one.onCall = onText(index);
    else one.removeAllListeners("message").on("message", (data) => onText(index)(String(data)));
  }
  const total = rate === 0 ? 20_000 : rate * seconds;
  const began = performance.now();
  // A side that delivers nothing is not waited for.
  const end = began + 60_000;
  for (let told = 0; told < total && performance.now() < end;) {
    const due = rate === 0 ? received / 2 + 2_000 : (performance.now() - began) / 1_000 * rate;
    for (; told < Math.min(total, due); told++) {
      const pair = pairs[told % pairs.length]!;
      sent.get(pair.id)!.push(performance.now());
      tell(pair);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await until("every event", () => received >= 2 * total, 20_000).catch(() => undefined);
  const taken = (performance.now() - began) / 1_000;
  return { latencies, missing: 2 * total - received, rate: received / 2 / taken };
}

function tellOurs(pair: Pair): void {
  pair.held = !pair.held;
  scripted.tell({ "Event-Name": pair.held ? "CHANNEL_HOLD" : "CHANNEL_UNHOLD", "Unique-ID": pair.id, "Call-Direction": "inbound", "Event-Date-Timestamp": String(Date.now() * 1_000) });
}

async function bareServer(): Promise<{ process: ChildProcess; port: number; tell: (pair: Pair) => void }> {
  const port = await freePorts(2);
  const child = spawn(process.execPath, [join(import.meta.dirname, "bare-ws.ts"), String(port)], { stdio: "inherit" });
  peers.push(child);
  pin(child);
  const source = await until("the bare server", () => new Promise<ReturnType<typeof connect> | undefined>((resolve) => {
    const socket = connect(port + 1, "127.0.0.1").once("connect", () => resolve(socket)).once("error", () => resolve(undefined));
  }));
  // What the application server sends for the same event.
  const text = (pair: Pair) => JSON.stringify({ type: "event", seq: 1, name: "call", data: { call: { id: pair.id, state: "held", caller: { user: pair.caller, name: "Person 1", extension: "10001" }, callee: { user: pair.callee, name: "Person 2", extension: "10002" },
    participants: [pair.caller, pair.callee].map((user) => ({ user, name: "Person 1", extension: "10001", state: "talking", muted: false, role: "caller", holds: true })), startedAt: Date.now(), answeredAt: Date.now() } } });
  return { process: child, port, tell: (pair) => void source.write(`${pair.caller} ${pair.callee}\t${text(pair)}\n`) };
}

async function openBare(port: number, count: number): Promise<WebSocket[]> {
  const opened: WebSocket[] = [];
  const users = people.flatMap(({ user }, index) => Array.from({ length: index < talking ? 1 : 10 }, () => user)).slice(0, count);
  await inTurn(users, 50, (user) => new Promise<void>((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false, skipUTF8Validation: true });
    opened.push(socket);
    socket.on("open", () => socket.send(user)).once("message", () => resolve()).on("error", reject);
  }));
  return opened;
}

async function inTurn<T>(list: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (next < list.length) await work(list[next++]!);
  }));
}

function sum(figure: (one: Subscriber) => number): number {
  return subscribers.reduce((total, one) => total + figure(one), 0);
}

/** What is measured at rest: after whatever is still told, and a collection of garbage or two. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 3_000));
}

/** Everybody has been told of everybody: the server bounds how fast, and of thousands who sign in within a minute that takes minutes. */
async function quiet(): Promise<void> {
  let [before, since] = [0, performance.now()];
  await until("everybody to have been told who is there", () => {
    const events = sum(({ events }) => events);
    if (events !== before) [before, since] = [events, performance.now()];
    return performance.now() - since > 3_000;
  }, 600_000);
}

/** Nothing is told meanwhile but two heartbeats: after them a server may forget what its sockets have received. */
function idling(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 40_000));
}

function residentBytes({ pid }: ChildProcess): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1_024;
}

/** The server on one core, the load on the other. */
function pin({ pid }: ChildProcess): void {
  spawn("taskset", ["-acp", "0", String(pid)], { stdio: "ignore" }).on("error", () => {});
}
