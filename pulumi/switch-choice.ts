import { Refusal } from "./refusal.ts";
import type { Settings } from "./settings.ts";

/** Which program is the switch, and the line that says why. */
export interface SwitchChoice { kind: "freeswitch" | "lab-switch"; why: string }

/** FreeSWITCH when it can be had, else the lab switch. */
export function chooseSwitch({ switch: { kind }, freeswitch, registry }: Pick<Settings, "switch" | "freeswitch" | "registry">): SwitchChoice {
  const source = freeswitchSource(freeswitch) ?? (registry.address === undefined ? undefined : `the image that was published in ${registry.address}`);
  if (kind === "lab") return { kind: "lab-switch", why: "the configuration asks for it ('switch.kind' is lab)" };
  if (source !== undefined) return { kind: "freeswitch", why: source };
  if (kind === "freeswitch") {
    throw new Refusal("'houseline:switch.kind' is freeswitch, but nothing says where FreeSWITCH comes from: give 'houseline:freeswitch.image', 'houseline:freeswitch.apt', the secret 'houseline:freeswitch.token' or 'houseline:registry.address' (docs/configuration.md).");
  }
  return { kind: "lab-switch", why: "no source of FreeSWITCH is configured (docs/configuration.md, 'freeswitch')" };
}

function freeswitchSource({ image, apt, token }: Settings["freeswitch"]): string | undefined {
  if (image !== undefined) return `the image ${image}`;
  if (apt !== undefined) return "packages from the configured apt source";
  if (token !== undefined) return "packages from SignalWire's repository, with the configured token";
  return undefined;
}
