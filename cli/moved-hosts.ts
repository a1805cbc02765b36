import type { Stack } from "@pulumi/pulumi/automation/index.js";

interface Resource { urn: string; type: string; id?: string; provider?: string; inputs?: Record<string, unknown>; outputs?: Record<string, unknown> }

const providerType = "pulumi:providers:docker";

/**
 * Lets the engine ask a host where it is now: its state has where it was, and of a host that is gone it would ask for ever. What the host in its
 * place doesn't have is then made there; of a host that the stack has no more, the engine forgets what it had.
 *
 * @param wanted address of each host's Docker by the name of its provider
 * @returns addresses that the engine had of hosts that are elsewhere now, or no more of the stack
 */
export async function followHosts(stack: Pick<Stack, "exportStack" | "importStack">, wanted: ReadonlyMap<string, string>): Promise<string[]> {
  const state = await stack.exportStack() as { version: number; deployment: { resources?: Resource[] } };
  const { resources = [] } = state.deployment;
  const left: string[] = [];
  const forgotten = new Set<string>();
  for (const { urn, type, id, inputs, outputs } of resources) {
    const now = wanted.get(urn.split("::").at(-1)!);
    const before = inputs?.host;
    if (type !== providerType || typeof before !== "string" || before === now) continue;
    if (now === undefined) {
      // On one that the stack still has, under another name, the engine itself removes what was.
      if (!before.startsWith("ssh://") || [...wanted.values()].includes(before)) continue;
      forgotten.add(`${urn}::${id}`);
    } else for (const values of [inputs, outputs]) if (values) values.host = now;
    left.push(before);
  }
  if (left.length === 0) return [];
  state.deployment.resources = resources.filter(({ urn, id, provider }) => !forgotten.has(`${urn}::${id}`) && (provider === undefined || !forgotten.has(provider)));
  await stack.importStack(state);
  return left;
}
