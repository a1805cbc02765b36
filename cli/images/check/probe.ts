import { randomBytes } from "node:crypto";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { serverContainer } from "../../../pulumi/app-server.ts";
import { service, uid, type ContainerPlan } from "../../../pulumi/containers.ts";
import { docker, runDocker, type DockerClient } from "../../../pulumi/docker-cli.ts";
import { edgeContainer } from "../../../pulumi/edge.ts";
import type { Image } from "../../../pulumi/images.ts";
import type { Settings } from "../../../pulumi/settings.ts";
import { directoryUrls, switchContainer } from "../../../pulumi/softswitch.ts";
import { padding, tarEnd, tarHeader } from "../../../pulumi/tar.ts";
import { lastLog } from "../../../pulumi/stack-containers.ts";
import { turnContainer } from "../../../pulumi/turn.ts";

/** A container of an image as it is deployed, and the ports that it must and may listen on. */
interface Probe { plan: ContainerPlan; must: number[]; may: number[]; volumes: string[] }

const loopback = { privateAddress: "127.0.0.1", publicAddress: "127.0.0.1" };
/** Seconds after SIGTERM within which one with nothing to do has ended. */
const endSeconds = 30;

/** How an image is started to be looked at: as the program deploys it, alone on a loopback of its own. */
function probesOf(image: Image, settings: Settings): Probe[] {
  const common = { stack: "check", settings, host: loopback };
  const { ports, site } = settings;
  const kind = image.name === "freeswitch" || image.name === "lab-switch" ? image.name : undefined;
  const images = { switch: image.reference, sound: "", edge: image.reference, secrets: "", appServer: image.reference, turn: image.reference };
  if (kind !== undefined) {
    const plan = switchContainer({ ...common, images, choice: { kind, why: "" }, directoryUrls: directoryUrls(["127.0.0.1"], ports.directory), peers: ["127.0.0.1"], voicemailDirectory: "/nowhere" });
    return [{ plan, must: [ports.sipWs, ports.esl], may: [ports.sip], volumes: ["/slots", "/var/lib/houseline/switch", "/var/lib/houseline/voicemail"] }];
  }
  if (image.name === "app-server") {
    const plan = serverContainer({ ...common, site, images, switches: [{ name: "nobody", eslHost: "127.0.0.1", eslPort: ports.esl, sipUrl: `ws://${site}:${ports.switchEdge}/sip` }], turnUrls: [], dataDirectory: "/nowhere" });
    return [{ plan, must: [ports.app, ports.directory], may: [], volumes: ["/slots", "/data"] }];
  }
  if (image.name === "turn") return [{ plan: turnContainer({ ...common, images, peers: ["127.0.0.1"] }), must: [ports.turn, ports.turnLocal], may: [], volumes: ["/slots"] }];
  if (image.name !== "edge") return [];
  return ([["switch", ports.switchEdge, ports.sipWs], ["application", ports.applicationEdge, ports.app]] as const).map(([edge, port, upstreams]) => ({
    plan: edgeContainer({ stack: "check", role: `${edge} edge`, kind: edge, image: image.reference, healthySeconds: settings.healthySeconds, site, address: "127.0.0.1", port, upstreams }),
    must: [port], may: [], volumes: [],
  }));
}

/** Starts an image as it is deployed, and says what is wrong with how it runs: a sentence each. */
export async function probe(client: DockerClient, image: Image, settings: Settings, secretsImage: string, note: (what: string) => void): Promise<string[]> {
  const probes = probesOf(image, settings);
  note(`started as ${probes.map(({ plan }) => plan.role).join(" and as ")}`);
  return (await Promise.all(probes.map((one) => probeOne(client, one, secretsImage)))).flat();
}

async function probeOne(client: DockerClient, probe: Probe, secretsImage: string): Promise<string[]> {
  const label = ["--label", "houseline.check=image"];
  const secrets = (await docker(client, ["create", ...label, "--network", "none", secretsImage, "data"])).trim();
  let container = "";
  try {
    await giveSecrets(client, secrets);
    container = (await docker(client, ["run", "--detach", ...label, ...words(probe), "--volumes-from", `${secrets}:ro`, probe.plan.image])).trim();
    const health = await healthOf(client, container, probe.plan.healthySeconds);
    if (health !== "healthy") return [`started as ${probe.plan.role} it is ${health} after ${probe.plan.healthySeconds} s. Its last lines:\n${await lastLog({ client, id: container })}`];
    return [...await userViolations(client, container), ...await portViolations(client, container, probe), ...await endViolations(client, container)].map((sentence) => `started as ${probe.plan.role} ${sentence}`);
  } finally {
    for (const id of [container, secrets]) if (id !== "") await runDocker(client, ["rm", "--force", "--volumes", id]);
  }
}

/** What `service` says, for the command line. */
function words({ plan, volumes }: Probe): string[] {
  const { user, tmpfs, envs, memory, stopTimeout } = service(plan);
  return [
    "--network", "none", "--user", user, "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true", "--init", "--memory", `${memory}m`, "--memory-swap", `${memory}m`,
    "--stop-timeout", String(stopTimeout), ...Object.entries(tmpfs).flatMap(([path, options]) => ["--tmpfs", `${path}:${options}`]),
    ...envs.flatMap((line) => ["--env", line]), ...volumes.flatMap((path) => ["--volume", path]),
  ];
}

/** Passwords that nobody else has, into the volume of a never-started container, as a deployment does it. */
async function giveSecrets(client: DockerClient, container: string): Promise<void> {
  const path = join(tmpdir(), `houseline-check-${process.pid}-${randomBytes(4).toString("hex")}.tar`);
  const fd = openSync(path, "wx+", 0o600);
  try {
    for (const name of ["esl-password", "directory-password", "mesh-password", "turn-secret"]) {
      const content = Buffer.from(randomBytes(24).toString("hex"));
      for (const part of [tarHeader(name, content.length, "0", 0o444), content, padding(content.length)]) writeSync(fd, part);
    }
    writeSync(fd, tarEnd);
    closeSync(fd);
    const input = openSync(path, "r");
    await docker(client, ["cp", "-", `${container}:/run/secrets`], { inputFrom: input }).finally(() => closeSync(input));
  } finally {
    rmSync(path, { force: true });
  }
}

async function healthOf(client: DockerClient, container: string, seconds: number): Promise<string> {
  for (const end = Date.now() + seconds * 1_000; ; await delay(250)) {
    const { stdout } = await runDocker(client, ["inspect", "--format", "{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}without a health check{{end}}", container]);
    const [status = "", ...health] = stdout.trim().split(" ");
    if (status !== "running") return status;
    if (health.join(" ") !== "starting" || Date.now() > end) return health.join(" ");
  }
}

async function userViolations(client: DockerClient, container: string): Promise<string[]> {
  const status = await docker(client, ["exec", container, "cat", "/proc/self/status", "/proc/1/status"]);
  const users = [...status.matchAll(/^Uid:\s+(\d+)/gm)].map(([, user]) => Number(user));
  const rights = [...status.matchAll(/^CapEff:\s+([0-9a-f]+)/gm)].some(([, mask]) => !/^0+$/.test(mask!));
  return [...(users.every((user) => user === uid) ? [] : [`runs as user ${users.join(" and ")} and not as ${uid}.`]), ...(rights ? ["keeps rights of root."] : [])];
}

/** Every TCP socket that listens in the container. (proc(5), `/proc/net/tcp`) */
async function portViolations(client: DockerClient, container: string, { must, may }: Probe): Promise<string[]> {
  const table = await docker(client, ["exec", container, "cat", "/proc/net/tcp", "/proc/net/tcp6"]);
  const listening = table.split("\n").flatMap((line) => {
    const [, , local = "", , state] = ` ${line.trim()}`.split(/\s+/);
    const [address = "", port = ""] = local.split(":");
    return state === "0A" ? [{ port: Number.parseInt(port, 16), everywhere: /^0+$/.test(address) }] : [];
  });
  const ports = new Set(listening.map(({ port }) => port));
  return [
    ...must.filter((port) => !ports.has(port)).map((port) => `is healthy and does not listen on ${port}.`),
    ...[...ports].filter((port) => !must.includes(port) && !may.includes(port)).map((port) => `listens on ${port}, which is none of its ports.`),
    ...listening.filter(({ everywhere }) => everywhere).map(({ port }) => `listens on every address, at ${port}; it was given one.`),
  ];
}

async function endViolations(client: DockerClient, container: string): Promise<string[]> {
  await runDocker(client, ["stop", "--time", String(endSeconds), container]);
  const code = (await docker(client, ["inspect", "--format", "{{.State.ExitCode}}", container])).trim();
  return code === "0" ? [] : [`does not end by itself within ${endSeconds} s when it is told to (exit code ${code}).`];
}
