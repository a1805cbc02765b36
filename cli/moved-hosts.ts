import type { Stack } from "@pulumi/pulumi/automation/index.js";

interface Resource { urn: string; type: string; inputs?: Record<string, unknown>; outputs?: Record<string, unknown> }

const providerType = "pulumi:providers:docker";

/**
 * Lets the engine ask a host where it is now: its state has where it was, and of a host that is gone it would ask for ever. What the host in its
 * place doesn't have is then made there.
 *
 * @param wanted address of each host's Docker by the name of its provider
 * @returns addresses that the engine had of hosts that are elsewhere now
 */
export async function followHosts(stack: Stack, wanted: ReadonlyMap<string, string>): Promise<string[]> {
  const state = await stack.exportStack() as { version: number; deployment: { resources?: Resource[] } };
  const moved: string[] = [];
  for (const { urn, type, inputs, outputs } of state.deployment.resources ?? []) {
    const now = wanted.get(urn.split("::").at(-1)!);
    const before = inputs?.host;
    if (type !== providerType || now === undefined || typeof before !== "string" || before === now) continue;
    moved.push(before);
    for (const values of [inputs, outputs]) if (values) values.host = now;
  }
  if (moved.length > 0) await stack.importStack(state);
  return moved;
}
