/** What a switch of ours takes to start, to ring, to be heard and to carry a call, beside FreeSWITCH's packaged configuration in the same run. */
import { createConnection } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { removeByLabel } from "../../cli/leftovers.ts";
import { EslLink } from "../../app/server/switch/esl-link.ts";
import { Browsers } from "../freeswitch/browser.ts";
import { deploySwitch } from "../freeswitch/deployed.ts";
import type { Account } from "../freeswitch/sip-client.ts";
import { aptSource, domain, ownName, Stack, useDeployed } from "../freeswitch/stack.ts";
import { Deployment } from "../support/deployment.ts";
import { docker } from "../support/docker.ts";
import { Phones } from "../support/phones.ts";
import { until } from "../support/until.ts";
import { median, quantile, report } from "./figures.ts";
import { measureCalls, plainPage, softphone, type Latencies } from "./latency.ts";
import { cpuSeconds, freeswitchOf, residentKilobytes } from "./process-cost.ts";
import { Load } from "./sip-load.ts";
import { Vanilla } from "./vanilla.ts";

const starts = 5;
const latencyCalls = 50;
const bridgedCalls = 30;
const rounds = 2;
const windowSeconds = 8;
const tones = [1_000, 1_500] as const;
/** Two measurements of the same thing differ by as much. */
const noise = 0.1;

const people = Array.from({ length: 20 }, (_, index) => ({ name: `load${index}`, extension: String(200 + index), authName: `load${index}~1`, password: `of ${index}` }));

/** A running FreeSWITCH, ours or the peer. */
interface Subject { container: string; url: string; esl: EslLink; account: (index: number) => Account }

useDeployed(await deploySwitch());
const deployment = await Deployment.prepare({ switch: { kind: "freeswitch" } });
// Of a stack of its own: an up of the other would look after it.
const peerStack = ownName();
const vanilla = await Vanilla.create(peerStack, aptSource);
const stack = await Stack.create(people);
let phones: Phones | undefined;
let browsers: Browsers | undefined;
try {
  await startAndLoad();
  await latencies();
} finally {
  await phones?.close();
  await browsers?.close();
  await stack.close();
  await deployment.remove();
  await removeByLabel(peerStack);
}
process.exit();

async function startAndLoad(): Promise<void> {
  const [ours, healthy, peers]: [number[], number[], number[]] = [[], [], []];
  let running = await stack.start();
  // The certificate is made once on a host, and kept.
  await running.healthy(60_000);
  await docker("start", vanilla.name);
  await profileRuns(vanilla.eslPort, vanilla.password);
  for (let i = 0; i < starts; i++) {
    await running.remove();
    let begun = performance.now();
    running = await stack.start();
    await profileRuns(stack.ports(0).esl, stack.eslPassword);
    ours.push((performance.now() - begun) / 1_000);
    await running.healthy();
    healthy.push((performance.now() - begun) / 1_000);
    await docker("stop", "--time", "5", vanilla.name);
    begun = performance.now();
    await docker("start", vanilla.name);
    await profileRuns(vanilla.eslPort, vanilla.password);
    peers.push((performance.now() - begun) / 1_000);
  }
  report({ name: `container created to SIP profile running, certificate kept, median of ${starts}`, value: median(ours), unit: "s", peer: median(peers), goal: "at most 3 s", ok: median(ours) <= 3 });
  report({ name: `container created to healthy for Docker, which looks once a second, median of ${starts}`, value: median(healthy), unit: "s" });
  await load(
    await subject(running.name, stack.url(0), stack.ports(0).esl, stack.eslPassword, (index) => ({ domain, ...people[index % people.length]! })),
    await subject(vanilla.name, vanilla.url, vanilla.eslPort, vanilla.password, (index) => vanilla.account(index)),
  );
}

async function subject(container: string, url: string, port: number, password: string, account: (index: number) => Account): Promise<Subject> {
  const esl = new EslLink("127.0.0.1", port, password, "CHANNEL_ANSWER");
  esl.start();
  await until("ESL", () => esl.up);
  return { container, url, esl, account };
}

/** Cores and memory that bridged Opus calls cost; plain RTP to both, so that nothing but the switch is compared. */
async function load(ours: Subject, peer: Subject): Promise<void> {
  const costs = new Map<Subject, { core: number; kilobytes: number; arrived: number }[]>([[ours, []], [peer, []]]);
  for (const subject of [ours, peer]) await warm(subject);
  // Memory is compared with what each had before its first calls: what a round leaves behind is the next one's.
  const before = new Map([ours, peer].map((subject) => [subject, 0]));
  for (const subject of [ours, peer]) before.set(subject, residentKilobytes(await freeswitchOf(subject.container)));
  for (let round = 0; round < rounds; round++) for (const [subject, found] of costs) found.push(await cost(subject, before.get(subject)!));
  const of = (subject: Subject) => ({
    perCore: 1 / median(costs.get(subject)!.map(({ core }) => core)), kilobytes: Math.max(...costs.get(subject)!.map(({ kilobytes }) => kilobytes)),
    arrived: Math.min(...costs.get(subject)!.map(({ arrived }) => arrived)),
  });
  const [here, there] = [of(ours), of(peer)];
  report({ name: `calls per core, Opus bridged without transcoding (${bridgedCalls} at once, plain RTP)`, value: here.perCore, unit: "calls", peer: there.perCore,
    goal: "no fewer than vanilla (within 10 %)", ok: here.perCore >= there.perCore * (1 - noise) });
  report({ name: "memory per call", value: here.kilobytes, unit: "KB", peer: there.kilobytes, goal: "no more than vanilla (within 10 %)", ok: here.kilobytes <= there.kilobytes * (1 + noise) });
  report({ name: "packets that arrived of those sent meanwhile", value: here.arrived * 100, unit: "%", peer: there.arrived * 100, goal: "99 %", ok: here.arrived >= 0.99 });
  ours.esl.close();
  peer.esl.close();
}

async function warm({ url, esl, account }: Subject): Promise<void> {
  const first = new Load(url, esl, account);
  await first.start(2);
  await delay(1_000);
  await first.stop();
}

async function cost({ container, url, esl, account }: Subject, before: number): Promise<{ core: number; kilobytes: number; arrived: number }> {
  const pid = await freeswitchOf(container);
  const idle = await coresOf(pid, windowSeconds / 2);
  const calls = new Load(url, esl, account);
  await calls.start(bridgedCalls);
  await delay(2_000);
  const [sent, received] = [calls.sent, calls.received];
  const busy = await coresOf(pid, windowSeconds);
  const arrived = (calls.received - received) / (calls.sent - sent);
  const kilobytes = (residentKilobytes(pid) - before) / bridgedCalls;
  await calls.stop();
  return { core: (busy - idle) / bridgedCalls, kilobytes, arrived };
}

async function coresOf(pid: number, seconds: number): Promise<number> {
  const [cpu, begun] = [cpuSeconds(pid), performance.now()];
  await delay(seconds * 1_000);
  return (cpuSeconds(pid) - cpu) / ((performance.now() - begun) / 1_000);
}

/** In real browsers: ours through the softphone page, its library, the edge and the application server; the peer with a bare JsSIP. */
async function latencies(): Promise<void> {
  await deployment.up();
  const password = await deployment.password();
  phones = await Phones.create();
  const [anna, boris] = [await phones.open(deployment.page, tones[0]), await phones.open(deployment.page, tones[1])];
  await anna.signIn("anna", password);
  await boris.signIn("boris", password);
  await Promise.all([anna.ready(), boris.ready()]);
  const ours = await measureCalls(softphone(anna.page, tones[0], "boris"), softphone(boris.page, tones[1], "anna"), latencyCalls);
  await phones.close();
  browsers = await Browsers.start();
  const pages = [await browsers.open(tones[0]), await browsers.open(tones[1])] as const;
  for (const [index, page] of pages.entries()) {
    const { domain, name, authName, password } = vanilla.account(index);
    await page.evaluate(([url, domain, name, auth, secret]) => window.phone.register(url, domain, name, auth, secret), [vanilla.url, domain, name, authName, password] as const);
  }
  const peer = await measureCalls(plainPage(pages[0], tones[0], vanilla.account(1).name), plainPage(pages[1], tones[1], vanilla.account(0).name), latencyCalls);
  tell("click to ringing", ours, peer, "ringing", 80);
  tell("answer to two-way audio", ours, peer, "audio", 250);
}

function tell(name: string, ours: Latencies, peer: Latencies, which: keyof Latencies, goal: number): void {
  const value = median(ours[which]);
  report({ name: `${name}, median of ${latencyCalls}`, value, unit: "ms", peer: median(peer[which]), goal: `at most ${goal} ms`, ok: value <= goal });
  report({ name: `${name}, 95th percentile`, value: quantile(ours[which], 0.95), unit: "ms", peer: quantile(peer[which], 0.95) });
}

/** Waits until a switch's SIP profile runs, asking over ESL without pause. */
async function profileRuns(port: number, password: string): Promise<void> {
  await until("the SIP profile", () => new Promise<boolean>((resolve) => {
    const socket = createConnection(port, "127.0.0.1", () => socket.write(`auth ${password}\n\napi sofia status\n\n`));
    let text = "";
    socket.setTimeout(1_000, () => socket.destroy()).setEncoding("utf8");
    socket.on("data", (more: string) => {
      text += more;
      if (/api\/response[\s\S]*\n=+\n/.test(text)) socket.destroy();
    });
    socket.on("error", () => undefined).on("close", () => resolve(/\s(houseline|internal)\s+profile[^\n]*RUNNING/.test(text)));
  }), 60_000);
}
