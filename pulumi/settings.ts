import { z } from "zod";
import { canonical } from "./ip6.ts";
import { placementConflict } from "./placement.ts";
import { mostApplications } from "./port-ranges.ts";
import { didYouMean } from "./nearest.ts";
import { isPrivate } from "./private-address.ts";
import { Refusal } from "./refusal.ts";
import { turnConflict } from "./turn-settings.ts";

/**
 * The configuration of a stack: every key, its default and its bounds, in the order of docs/configuration.md (a test
 * compares the two). Keys stand under `houseline:` in `Pulumi.<stack>.yaml`; each is also read from the environment
 * (`ports.sipWs` as `HOUSELINE_PORTS_SIP_WS`), which wins: that is how CI gives them.
 */

const number = (schema: z.ZodNumber) => z.preprocess((value) => (typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : value), schema);
const boolean = () => z.preprocess((value) => (value === "true" ? true : value === "false" ? false : value), z.boolean());
/** The program has no privileges, so no port below 1024. */
const port = (fallback: number) => number(z.number().int().min(1024).max(65_535)).default(fallback);
/** A prepared host lets everybody have these. (`net.ipv4.ip_unprivileged_port_start`) */
const edgePort = (fallback: number) => number(z.number().int().min(80).max(65_535)).default(fallback);
const text = () => z.string().min(1).max(1_000);
const hostName = () => z.string().max(253).regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/, "a host name in small letters");
const ipAddress = () => z.ipv4("an IPv4 address");
const ip6Address = () => z.ipv6("an IPv6 address").refine((address) => !/^(::$|fe[89ab]|::ffff:)/i.test(address), "an IPv6 address that browsers reach, such as 2001:db8::10").transform(canonical).optional();
const path = () => z.string().max(1_000).regex(/^(\/|~\/)[^\0\n"]+$/, "an absolute path, or one that begins with ~/");
const privateAddress = () => ipAddress().refine(isPrivate, "a private address (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10 or 127.0.0.0/8): the event socket and SIP between switches are never on a public one");
/** A host that is reached over SSH, and its addresses. */
const sshHostKeys = () => ({
  ssh: z.string().max(300).regex(/^[A-Za-z_][A-Za-z0-9_.-]*@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$/, "a login such as root@203.0.113.10, with ':' and a port when that isn't 22").optional(),
  hostKey: z.string().max(2_000).regex(/^(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|ssh-rsa) [A-Za-z0-9+/]+=*$/, "the kind of the host's key and the key, such as 'ssh-ed25519 AAAAC3…'").optional(),
  edge: ipAddress().optional(),
  private: privateAddress().optional(),
  public: ipAddress().optional(),
  internal: ipAddress().optional(),
  public6: ip6Address(),
});
const sshHost = () => z.strictObject(sshHostKeys()).prefault({});
/** In the environment a list is JSON. */
const list = <Item extends z.ZodType>(item: Item, most: number) => z.preprocess((value) => (typeof value === "string" ? parsed(value) : value), z.array(item).max(most));
const volumeName = () => z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,100}$/, "a volume name of letters, digits, '.', '_' and '-'");
const imageName = () => z.string().max(255).regex(/^[a-z0-9][a-z0-9._/:@-]*$/, "an image name such as registry.example.com/houseline/freeswitch@sha256:…");
const registryAddress = () => z.string().max(200).regex(/^[a-z0-9]([a-z0-9._:/-]*[a-z0-9])?$/, "a registry such as registry.example.com or registry.example.com/team");
const password = () => z.string().min(8).max(200).regex(/^[\x21-\x7e]+$/, "printable characters without spaces");

export const schema = z.strictObject({
  domain: hostName().default("houseline.internal"),
  site: hostName().default("localhost"),
  switchSite: hostName().optional(),
  origins: z.string().max(2_000).regex(/^https?:\/\/[a-z0-9.:-]+( https?:\/\/[a-z0-9.:-]+)*$/, "origins such as https://crm.example.com, with one space between them and no path").optional(),
  addresses: z.strictObject({
    edge: ipAddress().default("127.0.0.1"),
    private: privateAddress().default("127.0.0.1"),
    public: ipAddress().default("127.0.0.1"),
    internal: ipAddress().optional(),
    public6: ip6Address(),
  }).prefault({}),
  hosts: z.strictObject({
    kind: z.enum(["local", "ssh", "hcloud"]).default("local"),
    identityFile: path().optional(),
    softswitch: sshHost(),
    application: sshHost(),
    moreApplications: list(z.strictObject({ ...sshHostKeys(), site: hostName().optional() }), mostApplications - 1).optional(),
    standby: z.strictObject({ ...sshHostKeys(), site: hostName().optional() }).prefault({}),
    hcloud: z.strictObject({
      token: z.string().regex(/^[A-Za-z0-9]{64}$/, "64 letters and digits").optional(),
      servers: number(z.number().int().min(1).max(3)).default(2),
      applicationServers: number(z.number().int().min(1).max(mostApplications)).default(1),
      location: z.string().regex(/^[a-z]{3}[0-9]{0,2}$/, "a location of Hetzner Cloud, such as fsn1").default("fsn1"),
      networkZone: z.enum(["eu-central", "us-east", "us-west", "ap-southeast"]).default("eu-central"),
      network: z.string().regex(/^(10\.\d{1,3}|172\.(1[6-9]|2\d|3[01])|192\.168)\.0\.0\/16$/, "a private /16 network, such as 10.20.0.0/16").default("10.20.0.0/16"),
      softswitchType: z.string().regex(/^[a-z]{2,4}[0-9]{2}$/, "a server type of Hetzner Cloud, such as ccx13").default("ccx13"),
      applicationType: z.string().regex(/^[a-z]{2,4}[0-9]{2}$/, "a server type of Hetzner Cloud, such as ccx13").default("ccx13"),
      image: z.string().regex(/^(debian|ubuntu)-[0-9.]+$/, "an image of Debian or Ubuntu, such as debian-12").default("debian-12"),
      publicKey: z.string().max(2_000).regex(/^(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|ssh-rsa) [A-Za-z0-9+/]+=*( .*)?$/, "your public key, such as 'ssh-ed25519 AAAAC3…'").optional(),
      sshFrom: z.string().max(1_000).regex(/^[0-9a-f.:]+\/\d{1,3}( [0-9a-f.:]+\/\d{1,3})*$/, "ranges such as 203.0.113.0/24, separated by one space").refine((ranges) => !/\/0( |$)/.test(ranges), "ranges of your own: SSH is not for everybody").optional(),
      backups: boolean().default(false),
      deleteProtection: boolean().default(true),
    }).prefault({}),
  }).prefault({}),
  tls: z.strictObject({
    kind: z.enum(["auto", "acme", "private", "files"]).default("auto"),
    email: z.email("an address such as telephone@example.com").max(200).optional(),
    acmeDirectory: z.string().max(500).regex(/^https:\/\/[^\s"'<>{}@]+$/, "an https:// address without user and password").default("https://acme-v02.api.letsencrypt.org/directory"),
    acmeRoot: path().optional(),
    certificate: path().optional(),
    key: path().optional(),
  }).prefault({}),
  ports: z.strictObject({
    applicationEdge: edgePort(8080),
    switchEdge: edgePort(8443),
    sipWs: port(5066),
    sip: port(5080),
    esl: port(8021),
    rtp: port(16_384),
    app: port(10_022),
    directory: port(10_032),
    turn: edgePort(3_478),
    turnTls: edgePort(5_349),
    turnLocal: port(10_042),
    turnRelay: port(32_768),
  }).prefault({}),
  switch: z.strictObject({ kind: z.enum(["auto", "freeswitch", "lab"]).default("auto") }).prefault({}),
  freeswitch: z.strictObject({
    image: imageName().optional(),
    apt: z.string().max(1_000).regex(/^deb \S/, "one line of an apt source, beginning with 'deb '")
      .regex(/^(?!.*\/\/[^/\s]*@)/, "without user and password in its address: give those as 'houseline:freeswitch.aptCredentials', where no image keeps them").optional(),
    aptCredentials: text().optional(),
    token: password().optional(),
  }).prefault({}),
  turn: z.strictObject({
    enabled: boolean().default(false),
    site: hostName().optional(),
    address: ipAddress().optional(),
  }).prefault({}),
  drainSeconds: number(z.number().int().min(1).max(86_400)).default(3_600),
  healthySeconds: number(z.number().int().min(5).max(600)).default(90),
  demoPeople: boolean().default(false),
  dataDirectory: z.string().max(1_000).regex(/^\/[^\0:]+$/, "an absolute path without ':'").optional(),
  signIn: z.strictObject({
    jwtSecret: z.string().min(32).max(1_000).regex(/^[\x21-\x7e]+$/, "printable characters without spaces").optional(),
    jwksUrl: z.string().max(1_000).regex(/^(https:\/\/|http:\/\/(localhost|127\.0\.0\.1)[:/])[^\s"'<>@]+$/, "an https:// address without user and password").optional(),
    jwtIssuer: text().optional(),
    jwtAudience: text().optional(),
    jwtClockSkewSeconds: number(z.number().int().min(0).max(300)).default(30),
    jwtExtensions: z.string().regex(/^[0-9]{2,6}-[0-9]{2,6}$/, "two extensions with '-' between them, such as 2000-8999").default("2000-8999"),
  }).prefault({}),
  apiOrigins: z.string().max(2_000).regex(/^(https?:\/\/[^\s"'<>/@]+( |$))+$/, "origins such as https://crm.example.com, separated by one space").optional(),
  registry: z.strictObject({
    address: registryAddress().optional(),
    user: z.string().max(200).regex(/^[\x21-\x39\x3b-\x7e]+$/, "printable characters without spaces and ':'").optional(),
    password: z.string().max(10_000).regex(/^[\x21-\x7e]+$/, "printable characters without spaces").optional(),
  }).prefault({}),
  images: z.strictObject({
    appServer: imageName().optional(),
    labSwitch: imageName().optional(),
    edge: imageName().optional(),
    sound: imageName().optional(),
    turn: imageName().optional(),
    keepDays: number(z.number().int().min(0).max(3_650)).default(30),
    minimumFreePercent: number(z.number().int().min(0).max(90)).default(10),
  }).prefault({}),
  volumes: z.strictObject({
    switchSlots: volumeName().optional(),
    switchState: volumeName().optional(),
    appSlots: volumeName().optional(),
    turnSlots: volumeName().optional(),
  }).prefault({}),
  secrets: z.strictObject({
    eslPassword: password().optional(),
    directoryPassword: password().optional(),
    meshPassword: password().optional(),
    turnSecret: password().optional(),
    demoPassword: password().optional(),
    adminToken: z.string().regex(/^hl_[A-Za-z0-9_-]{43}$/, "'hl_' and 43 letters, digits, '-' and '_'").optional(),
    databaseUrl: z.string().max(1_000).regex(/^postgres(ql)?:\/\/\S+$/, "a URL such as postgres://user:password@host:5432/database").optional(),
  }).prefault({}),
});

export type Settings = z.infer<typeof schema>;

/** Paths of keys whose values never reach a screen, a log or a record. */
export const secretKeys: readonly string[] = [
  "hosts.hcloud.token", "freeswitch.aptCredentials", "freeswitch.token", "registry.password", "secrets.eslPassword", "secrets.directoryPassword", "secrets.meshPassword", "secrets.turnSecret", "secrets.demoPassword",
  "secrets.adminToken", "secrets.databaseUrl", "signIn.jwtSecret",
];

/** Every key with its path (`ports.sipWs`). */
export const keyPaths: readonly string[] = leaves(schema);

function leaves(node: z.ZodType, path: string[] = []): string[] {
  const inner = unwrap(node);
  if (!(inner instanceof z.ZodObject)) return [path.join(".")];
  return Object.entries(inner.shape as Record<string, z.ZodType>).flatMap(([key, child]) => leaves(child, [...path, key]));
}

function unwrap(node: z.ZodType): z.ZodType {
  return node instanceof z.ZodPrefault ? unwrap(node.unwrap() as z.ZodType) : node;
}

/** `ports.sipWs` → `HOUSELINE_PORTS_SIP_WS`. */
export function environmentName(path: string): string {
  return "HOUSELINE_" + path.replace(/([a-z0-9])([A-Z])/g, "$1_$2").replaceAll(".", "_").toUpperCase();
}

/**
 * Reads and checks a stack's configuration.
 *
 * @param config what stands under `houseline:`, from a file (values of any type) or from Pulumi (strings, JSON for groups)
 * @param environment whose `HOUSELINE_…` variables win over the file
 * @param where named in refusals, e.g. `Pulumi.local.yaml`
 */
export function readSettings(config: Record<string, unknown>, environment: Record<string, string | undefined>, where: string): Settings {
  const given = structuredClone(Object.fromEntries(Object.entries(config).map(([key, value]) => [key, parsed(value)])));
  const fromEnvironment = new Map<string, string>();
  for (const path of keyPaths) {
    const name = environmentName(path);
    const value = environment[name];
    if (value === undefined || value === "") continue;
    put(given, path.split("."), value);
    fromEnvironment.set(path, name);
  }
  const result = schema.safeParse(given);
  if (!result.success) throw refusal(result.error.issues[0]!, given, fromEnvironment, where);
  const conflict = placementConflict(result.data) ?? turnConflict(result.data);
  if (conflict) throw new Refusal(`${where}: ${conflict}`);
  return result.data;
}

/** Pulumi hands groups over as JSON. */
function parsed(value: unknown): unknown {
  if (typeof value !== "string" || !/^[{[]/.test(value)) return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

function put(target: Record<string, unknown>, [key = "", ...rest]: string[], value: string): void {
  if (rest.length === 0) {
    target[key] = value;
    return;
  }
  const group = target[key];
  // A group that is no group is left to the schema, whose sentence names it.
  if (group !== undefined && (typeof group !== "object" || group === null)) return;
  target[key] ??= {};
  put(target[key] as Record<string, unknown>, rest, value);
}

function refusal(issue: z.core.$ZodIssue, given: Record<string, unknown>, fromEnvironment: Map<string, string>, where: string): Refusal {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    const key = [...path, issue.keys[0] ?? ""].join(".");
    return new Refusal(`${where}: there is no key 'houseline:${key}'${didYouMean(key, [...keyPaths, ...groups()]) || "."} All keys are in docs/configuration.md.`);
  }
  const key = path.join(".");
  // Of a list's item it is the list that was given.
  const name = path.map((_, end) => fromEnvironment.get(path.slice(0, end + 1).join("."))).find((one) => one !== undefined);
  const source = name ? `the environment variable ${name}` : `${where}: 'houseline:${key}'`;
  const value = path.reduce<unknown>((node, step) => (node as Record<string, unknown> | undefined)?.[step], given);
  // Somebody who puts a password into an address shall not see it again in a log.
  const shown = secretKeys.includes(key) ? "[REDACTED]" : JSON.stringify(value)?.replaceAll(/\/\/[^/\s]*@/g, "//[REDACTED]@") ?? "nothing";
  return new Refusal(`${source} must be ${wanted(issue)}; it is ${shown}. See docs/configuration.md.`);
}

function groups(): string[] {
  return [...new Set(keyPaths.filter((path) => path.includes(".")).map((path) => path.split(".")[0]!))];
}

function wanted(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return { object: "a group of keys", array: "a list", boolean: "true or false", string: "text", int: "a whole number", number: "a number" }[issue.expected as string] ?? issue.expected;
    case "invalid_value":
      return `one of ${issue.values.map(String).join(", ")}`;
    case "too_small":
      return issue.origin === "string" ? `at least ${issue.minimum} characters long` : `at least ${issue.minimum}`;
    case "too_big":
      return { string: `at most ${issue.maximum} characters long`, array: `a list of at most ${issue.maximum}` }[issue.origin as string] ?? `at most ${issue.maximum}`;
    default:
      return issue.message;
  }
}

/** The settings with every secret replaced: what may be shown and recorded. */
export function redacted(settings: Settings): Settings {
  return withSecrets(settings, (value) => (value === undefined ? undefined : "[REDACTED]"));
}

/**
 * Recorded settings with today's secrets in them, and the defaults of what the code that recorded them didn't know.
 *
 * @throws Refusal when they have what the code of today doesn't know
 */
export function recalled(recorded: Settings, today: Settings, where: string): Settings {
  const result = schema.safeParse(withSecrets(recorded, () => undefined));
  if (!result.success) throw new Refusal(`${where} was recorded with a configuration that this code doesn't take (${result.error.issues[0]!.path.join(".") || "a key that it doesn't know"}). Get the older code back and type './houseline up'. Nothing was changed.`);
  return withSecrets(result.data, (_, path) => path.reduce<unknown>((node, step) => (node as Record<string, unknown> | undefined)?.[step], today));
}

function withSecrets(settings: Settings, replace: (value: unknown, path: readonly string[]) => unknown): Settings {
  const copy = structuredClone(settings) as unknown as Record<string, unknown>;
  for (const path of secretKeys) {
    const steps = path.split(".");
    const key = steps.at(-1)!;
    const group = steps.slice(0, -1).reduce<Record<string, unknown>>((node, step) => (node[step] ??= {}) as Record<string, unknown>, copy);
    const value = replace(group[key], steps);
    if (value !== undefined) group[key] = value;
    else delete group[key];
  }
  return copy as unknown as Settings;
}
