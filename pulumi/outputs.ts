import { moreApplicationsOf, placementOf, publicAddressOf, type Addresses } from "./placement.ts";
import { slots } from "./port-ranges.ts";
import { isPrivate } from "./private-address.ts";
import type { Settings } from "./settings.ts";
import { applicationOrigins, controlUrls, isSecure, sipUrl, standbySiteOf, switchSiteOf } from "./sites.ts";

/** A name that is to lead to an address. (RFC 1035, A; RFC 3596, AAAA) */
export interface DnsRecord { name: string; type: "A" | "AAAA"; address: string }

/** What others have to be told of a deployed stack: whoever keeps DNS, the developer of the CRM, whoever watches it. */
export interface StackOutputs {
  dns: DnsRecord[];
  crm: {
    /** ES module with the browser library (docs/library.md). */
    library: string;
    /** The control WebSocket (docs/protocol.md), and REST for servers (docs/openapi.json). */
    control: string;
    /** Where there are several application servers: the same of each, for the library's option `url`. */
    controls?: string[];
    api: string;
    /** What the CRM's own policy has to allow, when it has one. (W3C, Content Security Policy Level 3) */
    contentSecurityPolicy: string;
    /** Origins of other pages that may use it (`origins`). */
    origins: string[];
    /** How tokens of the CRM are checked (docs/sign-in.md); nothing where it signs nobody in. */
    tokens?: { keys: "shared secret" | string; issuer?: string; audience?: string };
  };
  monitoring: {
    /** Answers as long as somebody can sign in. */
    health: string;
    /** Where there are several application servers: the same of each. */
    healths?: string[];
    /** For Prometheus, on the loopback of each application server's host: a slot each, of which one or two answer. Its rules are in docs/alerts.yml. */
    metrics: string[];
  };
}

export function stackOutputs(settings: Settings): StackOutputs {
  const { signIn, ports } = settings;
  const origins = applicationOrigins(settings);
  const [origin] = origins;
  const standby = standbySiteOf(settings);
  const controls = controlUrls(settings);
  const media = [undefined, ...(standby === undefined ? [] : [standby])].map((name) => new URL(sipUrl(settings, name)).origin);
  const keys = signIn.jwksUrl ?? (signIn.jwtSecret === undefined ? undefined : "shared secret");
  return {
    dns: isSecure(settings) ? records(settings) : [],
    crm: {
      library: `${origin}/houseline.js`, control: controls[0]!, ...(controls.length > 1 && { controls }), api: `${origin}/api`,
      contentSecurityPolicy: `script-src ${origins.join(" ")}; connect-src ${[...new Set([...controls.map((url) => new URL(url).origin), ...media])].join(" ")}; media-src blob:`,
      origins: settings.origins?.split(" ") ?? [],
      ...(keys !== undefined && { tokens: { keys, ...(signIn.jwtIssuer !== undefined && { issuer: signIn.jwtIssuer }), ...(signIn.jwtAudience !== undefined && { audience: signIn.jwtAudience }) } }),
    },
    monitoring: { health: `${origin}/healthz`, ...(origins.length > 1 && { healths: origins.map((one) => `${one}/healthz`) }), metrics: Array.from({ length: slots }, (_, slot) => `http://127.0.0.1:${ports.app + slot}/metrics`) },
  };
}

/** Of each name what the configuration knows of its addresses. */
function records(settings: Settings): DnsRecord[] {
  const { softswitch, application, standby, moreApplications } = placementOf(settings);
  const standbySite = standbySiteOf(settings);
  const { turn, site, hosts } = settings;
  const named: { name: string; addresses: Addresses; own?: string | undefined; login?: string | undefined }[] = [
    { name: site, addresses: application, login: hosts.application.ssh }, { name: switchSiteOf(settings), addresses: softswitch },
    ...(standby && standbySite !== undefined ? [{ name: standbySite, addresses: standby }] : []),
    ...moreApplicationsOf({ hosts }).map(({ site, ssh }, index) => ({ name: site!, addresses: moreApplications[index]!, login: ssh })),
    ...(turn.enabled && turn.site !== undefined ? [{ name: turn.site, addresses: softswitch, own: turn.address }] : []),
  ];
  const all = named.flatMap(({ name, addresses, own, login }): DnsRecord[] => {
    const address = own ?? publicAddressOf(addresses) ?? publicOf(login);
    const address6 = own === undefined ? addresses.public6 : undefined;
    return [...(address === undefined ? [] : [{ name, type: "A" as const, address }]), ...(address6 === undefined ? [] : [{ name, type: "AAAA" as const, address: address6 }])];
  });
  return all.filter((one, index) => all.findIndex((other) => JSON.stringify(other) === JSON.stringify(one)) === index);
}

/** The address that a host is logged into by, when that is one that browsers can reach. */
function publicOf(login: string | undefined): string | undefined {
  const address = /@(\d+\.\d+\.\d+\.\d+)(:\d+)?$/.exec(login ?? "")?.[1];
  return address === undefined || isPrivate(address) ? undefined : address;
}
