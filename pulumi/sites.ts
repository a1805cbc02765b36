import type { Settings } from "./settings.ts";

type Sites = Pick<Settings, "site" | "switchSite" | "ports">;

/** Names that a browser takes for secure without TLS. (W3C Secure Contexts, "potentially trustworthy origin") */
export const isLoopback = (site: string) => site === "localhost" || site === "127.0.0.1";

/** Whether browsers come by TLS: always, but on a developer's own machine. */
export const isSecure = ({ site }: Pick<Settings, "site">) => !isLoopback(site);

/** How a stack's names are proved. */
export type TlsKind = "off" | "acme" | "private" | "files";

/** Names that no public authority gives a certificate for. (RFC 6761, RFC 6762, RFC 8375; `internal` by ICANN's resolution of July 2024) */
const closed = /^[^.]+$|(^|\.)(internal|local|localhost|test|example|invalid|lan|home\.arpa)$|^[0-9.]+$/;

/** As configured; by itself public names by ACME, others by the stack's private authority. */
export function tlsKindOf(settings: Pick<Settings, "site" | "switchSite" | "tls">): TlsKind {
  if (!isSecure(settings)) return "off";
  if (settings.tls.kind !== "auto") return settings.tls.kind;
  return [settings.site, switchSiteOf(settings)].some((name) => closed.test(name)) ? "private" : "acme";
}

/** Names that certificates of the stack are for. */
export const certifiedNames = ({ site, switchSite, turn }: Pick<Settings, "site" | "switchSite" | "turn">) => [...new Set([site, switchSiteOf({ site, switchSite }), ...(turn.enabled && turn.site !== undefined ? [turn.site] : [])])];

const origin = (scheme: "http" | "ws", settings: Sites, site: string, port: number) => {
  const secure = isSecure(settings);
  return `${scheme}${secure ? "s" : ""}://${site}${port === (secure ? 443 : 80) ? "" : `:${port}`}`;
};

/** Where the softphone and the API are: `https://phone.example.com`. */
export const applicationOrigin = (settings: Sites) => origin("http", settings, settings.site, settings.ports.applicationEdge);
export const pageUrl = (settings: Sites) => `${applicationOrigin(settings)}/`;
/** Name of the switch's edge; the page's own unless given. */
export const switchSiteOf = ({ site, switchSite }: Pick<Settings, "site" | "switchSite">) => switchSite ?? site;
/** SIP over WebSocket; slot N is at `…/sip/N`. */
export const sipUrl = (settings: Sites) => `${origin("ws", settings, switchSiteOf(settings), settings.ports.switchEdge)}/sip`;
