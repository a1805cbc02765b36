import { isPrivate } from "./private-address.ts";
import { rtpPorts, slots } from "./port-ranges.ts";
import type { Settings } from "./settings.ts";

/** Of an image, what a container takes from it unless it says otherwise. */
export interface ImageFacts { hasHealthcheck: boolean }

/** What a resource was given; a value that is known only later is an Output, and is no text. */
type Props = Readonly<Record<string, unknown>>;

/** What keeps a container from being deployed: a sentence each, with where it stands. */
export function containerViolations(name: string, props: Props, images: ReadonlyMap<string, ImageFacts>): string[] {
  const found: string[] = [];
  const say = (sentence: string) => found.push(`Container ${name}: ${sentence}`);
  const image = String(props.image);
  if (!isPinned(image)) say(`'image' is ${image}, which may be another image tomorrow. Name it by its digest (…@sha256:…).`);
  // Data for others, never started.
  if (props.start === false) return found;
  if (typeof props.user !== "string" || /^(root|0)?(:.*)?$/.test(props.user)) say(`'user' is ${props.user === undefined ? "not set" : `'${String(props.user)}'`}: it would run as root.`);
  if (props.privileged === true) say("'privileged' is true: it could do anything to the host.");
  if ((props.capabilities as Props | undefined)?.adds !== undefined) say("'capabilities.adds' gives it rights of root.");
  if (!((props.capabilities as { drops?: string[] } | undefined)?.drops ?? []).includes("ALL")) say("'capabilities.drops' has no ALL: it would keep rights of root.");
  if (!((props.securityOpts as string[] | undefined) ?? []).includes("no-new-privileges:true")) say("'securityOpts' has no no-new-privileges:true: a setuid file would make it root.");
  if (props.readOnly !== true) say("'readOnly' is not true: what breaks in could change the program.");
  const own = (props.healthcheck as { tests?: string[] } | undefined)?.tests;
  if (own?.[0] === "NONE" || (own === undefined && images.get(image)?.hasHealthcheck === false)) say(`neither 'healthcheck' nor the image ${image} has a health check: an upgrade could not tell whether it works.`);
  if (props.wait !== true) say("'wait' is not true: the old release would be stopped before this one is healthy.");
  found.push(...drainViolations(name, props), ...addressViolations(name, props), ...relayViolations(name, props));
  return found;
}

function drainViolations(name: string, props: Props): string[] {
  const drain = Number(variable(props, "HOUSELINE_DRAIN_SECONDS") ?? 0);
  return ["stopTimeout", "destroyGraceSeconds"].flatMap((key) => {
    const seconds = props[key];
    if (typeof seconds !== "number" || seconds <= 0) return [`Container ${name}: '${key}' is ${seconds === undefined ? "not set" : String(seconds)}: there is no limit for finishing its work, and Docker would kill it after 10 s.`];
    return seconds > drain ? [] : [`Container ${name}: '${key}' is ${seconds} s and its drain may take ${drain} s: Docker would cut calls off before.`];
  });
}

function addressViolations(name: string, props: Props): string[] {
  const address = variable(props, "HOUSELINE_PRIVATE_IP");
  const published = ((props.ports as { ip?: string; internal?: number }[] | undefined) ?? []).filter(({ ip }) => ip === undefined || !isPrivate(ip));
  return [
    ...(address === undefined || isPrivate(address) ? [] : [`Container ${name}: HOUSELINE_PRIVATE_IP is ${address}: the event socket, which can do anything with every call, would listen on a public address.`]),
    ...published.map(({ internal, ip }) => `Container ${name}: 'ports' publishes ${internal} on ${ip ?? "every address"}. What is public goes through the edge.`),
  ];
}

/** Where a relay forwards to: single addresses, or whoever has an account could reach what is behind its host. */
function relayViolations(name: string, props: Props): string[] {
  const peers = variable(props, "HOUSELINE_TURN_PEERS");
  const isOne = (peer: string) => /^\d{1,3}(\.\d{1,3}){3}$/.test(peer) && peer !== "0.0.0.0";
  return peers === undefined || peers.split(" ").every(isOne) ? [] : [`Container ${name}: HOUSELINE_TURN_PEERS is '${peers}': the relay would forward to more than the switches' media, and be a way into the network behind its host.`];
}

function variable({ envs }: Props, name: string): string | undefined {
  return ((envs as unknown[] | undefined) ?? []).filter((line) => typeof line === "string").find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** By its digest; an image of this host's own also by a tag, which no registry can move. */
export function isPinned(image: string): boolean {
  if (/@sha256:[0-9a-f]{64}$/.test(image)) return true;
  const [first = "", ...rest] = image.split("/");
  const ofRegistry = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  const tag = /:([\w.-]+)$/.exec(rest.at(-1) ?? first)?.[1];
  return !ofRegistry && tag !== undefined && tag !== "latest";
}

interface Rule { direction?: string; protocol?: string; port?: string; sourceIps?: string[] }

/** Which ports a firewall opens to everybody that are not for everybody: only the edges, media and the relay are. */
export function firewallViolations(name: string, props: Props, { ports, turn }: Pick<Settings, "ports" | "turn">): string[] {
  const forAll = [[80, 80], [443, 443], [ports.applicationEdge, ports.applicationEdge], [ports.switchEdge, ports.switchEdge], [ports.rtp, ports.rtp + rtpPorts * slots - 1],
    ...(turn.enabled ? [[ports.turn, ports.turn], [ports.turnTls, ports.turnTls]] as const : [])] as const;
  return ((props.rules as Rule[] | undefined) ?? []).flatMap(({ direction, protocol, port, sourceIps }, index) => {
    const open = (sourceIps ?? []).find((range) => /\/0$/.test(range));
    if (direction !== "in" || open === undefined || protocol === "icmp") return [];
    const [first = 0, last = first] = port === undefined || port === "any" ? [1, 65_535] : port.split("-").map(Number);
    if (forAll.some(([from, to]) => first >= from && last <= to)) return [];
    return [`Firewall ${name}: rule ${index + 1} lets everybody (${open}) reach ${protocol ?? "any"} ${port ?? "on every port"}. Only the edges and media (${forAll.map(([from, to]) => (from === to ? from : `${from}-${to}`)).join(", ")}) are for everybody; give a source of your own.`];
  });
}
