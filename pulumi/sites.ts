import type { Settings } from "./settings.ts";

type Sites = Pick<Settings, "site" | "switchSite" | "ports">;

/** Names that a browser takes for secure without TLS. (W3C Secure Contexts, "potentially trustworthy origin") */
export const isLoopback = (site: string) => site === "localhost" || site === "127.0.0.1";

/** Whether browsers come by TLS: always, but on a developer's own machine. */
export const isSecure = ({ site }: Pick<Settings, "site">) => !isLoopback(site);

/** What has the names of a stack. */
type Names = Pick<Settings, "site" | "switchSite"> & { hosts: Pick<Settings["hosts"], "kind" | "standby" | "moreApplications"> };

/** How a stack's names are proved. */
export type TlsKind = "off" | "acme" | "private" | "files";

/** Names that no public authority gives a certificate for. (RFC 6761, RFC 6762, RFC 8375; `internal` by ICANN's resolution of July 2024) */
const closed = /^[^.]+$|(^|\.)(internal|local|localhost|test|example|invalid|lan|home\.arpa)$|^[0-9.]+$/;

/** As configured; by itself public names by ACME, others by the stack's private authority. */
export function tlsKindOf(settings: Names & Pick<Settings, "tls">): TlsKind {
  if (!isSecure(settings)) return "off";
  if (settings.tls.kind !== "auto") return settings.tls.kind;
  return edgeNames(settings).some((name) => closed.test(name)) ? "private" : "acme";
}

/** Names that browsers reach the edges by. */
const edgeNames = (settings: Names) => [settings.site, switchSiteOf(settings), standbySiteOf(settings) ?? [], moreSitesOf(settings)].flat();

/** Names that certificates of the stack are for. */
export const certifiedNames = (settings: Names & Pick<Settings, "turn">) => [...new Set([...edgeNames(settings), ...(settings.turn.enabled && settings.turn.site !== undefined ? [settings.turn.site] : [])])];

const origin = (scheme: "http" | "ws", settings: Sites, site: string, port: number) => {
  const secure = isSecure(settings);
  return `${scheme}${secure ? "s" : ""}://${site}${port === (secure ? 443 : 80) ? "" : `:${port}`}`;
};

/** Where the softphone and the API are, of each application server, the first one's first: `https://phone.example.com`. */
export const applicationOrigins = (settings: Sites & Names) => [settings.site, ...moreSitesOf(settings)].map((site) => origin("http", settings, site, settings.ports.applicationEdge)) as [string, ...string[]];
/** The first one's. */
export const applicationOrigin = (settings: Sites) => origin("http", settings, settings.site, settings.ports.applicationEdge);
/** The control WebSocket of each application server, that of `site` first. */
export function controlUrls(settings: Sites & Names, site = settings.site): string[] {
  const sites = [site, ...[settings.site, ...moreSitesOf(settings)].filter((other) => other !== site)];
  return sites.map((one) => `${origin("ws", settings, one, settings.ports.applicationEdge)}/ws`);
}
export const pageUrl = (settings: Sites) => `${applicationOrigin(settings)}/`;
/** Name of the switch's edge; the page's own unless given. */
export const switchSiteOf = ({ site, switchSite }: Pick<Settings, "site" | "switchSite">) => switchSite ?? site;
/** Name of the standby's edge, where there is a standby. */
export const standbySiteOf = ({ hosts }: Pick<Names, "hosts">) => (hosts.kind === "local" ? undefined : hosts.standby.site);
/** Names of the application servers besides the first. */
export const moreSitesOf = ({ hosts }: Pick<Names, "hosts">): string[] => (hosts.kind === "local" ? [] : (hosts.moreApplications ?? []).flatMap(({ site }) => site ?? []));
/** SIP over WebSocket; slot N is at `…/sip/N`. */
export const sipUrl = (settings: Sites, site = switchSiteOf(settings)) => `${origin("ws", settings, site, settings.ports.switchEdge)}/sip`;
