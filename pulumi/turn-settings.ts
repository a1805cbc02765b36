import { isOneHost, mediaAddressOf, placementOf } from "./placement.ts";
import type { Settings } from "./settings.ts";
import { isLoopback, isSecure, switchSiteOf, tlsKindOf } from "./sites.ts";
import { chooseSwitch } from "./switch-choice.ts";

/** The name that browsers reach the relay by; on a developer's machine its address, since `localhost` may be another one. */
export function turnSiteOf(settings: Pick<Settings, "site" | "switchSite" | "turn" | "hosts" | "addresses">): string {
  const { turn, site } = settings;
  return turn.site ?? (isLoopback(site) ? turnAddressOf(settings) : switchSiteOf(settings));
}

/** The address that browsers reach the relay at: that of the switch's media, unless given. */
export function turnAddressOf(settings: Pick<Settings, "turn" | "hosts" | "addresses">): string {
  return settings.turn.address ?? placementOf(settings).softswitch.public;
}

/** Where browsers reach the relay (RFC 7065), the plain one first: by TCP alone, since whoever can send UDP reaches the switch itself. */
export function turnUrls(settings: Pick<Settings, "site" | "switchSite" | "turn" | "ports" | "hosts" | "addresses">): string[] {
  const { turn, ports } = settings;
  if (!turn.enabled) return [];
  const site = turnSiteOf(settings);
  return [`turn:${site}:${ports.turn}?transport=tcp`, ...(isSecure(settings) ? [`turns:${site}:${ports.turnTls}?transport=tcp`] : [])];
}

/** A sentence about a relay that can't be as it is configured. */
export function turnConflict(settings: Settings): string | undefined {
  const { turn, ports, hosts, switch: { kind } } = settings;
  if (!turn.enabled) return undefined;
  if (kind !== "freeswitch" && chooseSwitch(settings).kind === "lab-switch") return "'houseline:turn.enabled' is true, and the stack runs the lab switch, through which no media goes: there is nothing to relay to. Give a source of FreeSWITCH, or leave the relay out.";
  for (const key of ["turn", "turnTls"] as const) {
    if (hosts.kind === "local" && ports[key] < 1_024) return `'houseline:ports.${key}' is ${ports[key]}: the program has no privileges on this machine, so no port below 1024. (A host that './houseline prepare' has set up gives 80 and 443 to everybody.)`;
  }
  if (hosts.kind === "hcloud" && turn.address !== undefined) return "'houseline:turn.address' is for hosts that are there ('ssh'): a server that is made has one public address, which the relay listens on.";
  const { softswitch, standby } = placementOf(settings);
  const media = mediaAddressOf(softswitch);
  if (hosts.kind === "ssh" && standby !== undefined && standby.private === mediaAddressOf(standby)) return `the relay forwards to the address of the media of the switch in reserve, which is the private one too (${standby.private}): it would be a way to SIP between switches. Give 'houseline:hosts.standby.private' another address.`;
  if (hosts.kind !== "local" && softswitch.private === media) return `the relay forwards to the address of the switch's media, which is the private one too (${media}): it would be a way to SIP between switches. Give 'houseline:hosts.softswitch.private' another address${isOneHost(settings) ? ", such as 127.0.0.1" : ""}.`;
  if (tlsKindOf(settings) === "acme" && turn.site !== undefined && ![settings.site, switchSiteOf(settings)].includes(turn.site)) return `'houseline:turn.site' is ${turn.site}, and certificates are got by ACME for the edges' names alone. Leave it out, or give certificates for it too ('houseline:tls.kind' as files or private).`;
  return undefined;
}
