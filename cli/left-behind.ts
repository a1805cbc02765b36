import { setTimeout as delay } from "node:timers/promises";
import { subnetOf } from "../pulumi/hcloud/machines.ts";
import { namesOf, type Kind } from "../pulumi/hcloud/names.ts";

interface Found { id: number; name: string; subnets?: { ip_range: string }[] }

export interface Project { token: string; stack: string; labels: Record<string, string>; network: string }

/** Where the provider asks too. */
const endpoint = () => process.env.HCLOUD_ENDPOINT || "https://api.hetzner.cloud/v1";
const answerSeconds = 30;
/** Before it is asked again: too many requests, failures of the cloud's own. */
const pausesMs = [1_000, 2_000, 4_000, 8_000];

/**
 * What an earlier `up` of this stack made at Hetzner Cloud and could not write down, since it was killed or the cloud's answer got lost.
 *
 * @param known names of the resources that the engine knows of
 * @returns ids by the names of resources
 */
export async function leftBehind(project: Project, known: ReadonlySet<string>): Promise<Record<string, string>> {
  const missing = namesOf(project.stack).filter(({ resource }) => !known.has(resource));
  const left: Record<string, string> = {};
  for (const kind of new Set([...missing.map((one) => one.kind), "networks" as const])) {
    for (const { id, name, subnets = [] } of await list(project, kind)) {
      const ours = missing.find((one) => one.kind === kind && one.name === name);
      if (ours) left[ours.resource] = String(id);
      const range = subnetOf(project.network);
      if (!known.has("machines-subnet") && subnets.some((subnet) => subnet.ip_range === range)) left["machines-subnet"] = `${id}-${range}`;
    }
  }
  return left;
}

/** Those with this stack's labels; nobody else's are touched. None when the cloud doesn't say. (docs.hetzner.cloud, "Label Selector") */
async function list({ token, labels }: Project, kind: Kind): Promise<Found[]> {
  const selector = Object.entries(labels).map((entry) => entry.join("=")).join(",");
  const url = `${endpoint()}/${kind}?${new URLSearchParams({ label_selector: selector, per_page: "50" })}`;
  for (const pause of [...pausesMs, undefined]) {
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(answerSeconds * 1_000) }).catch(() => undefined);
    if (response?.ok) return (await response.json() as Record<Kind, Found[]>)[kind];
    const mayPass = response === undefined || response.status === 429 || response.status >= 500;
    if (!mayPass || pause === undefined) break;
    await delay(pause * (0.8 + Math.random() * 0.4));
  }
  return [];
}
