import { setImmediate } from "node:timers/promises";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { sentences } from "./forecast-words.ts";
import { stackContainers } from "./stack-containers.ts";
import type { StackHost } from "./stack-hosts.ts";
import { talksIn } from "./talks.ts";

/**
 * Watches a preview, and tells what an update would do to each container: what is replaced, what drains and for how long, what stays. What is
 * replaced is the engine's own decision; who talks is asked of the switches that run.
 */
export class Forecast {
  readonly #seen: { resource: docker.Container; provider: pulumi.ProviderResource | undefined; role: string; image: string }[] = [];

  /** Watches every container that the program makes from now on. */
  constructor() {
    pulumi.runtime.registerStackTransformation(({ resource, props, opts }) => {
      if (!(resource instanceof docker.Container)) return undefined;
      const { image, labels } = props as { image: string; labels: { label: string; value: string }[] };
      this.#seen.push({ resource, provider: (opts as pulumi.CustomResourceOptions).provider, image, role: labels.find(({ label }) => label === "houseline.role")!.value });
      return undefined;
    });
  }

  /**
   * Once the engine has decided about every container: a sentence for each of the program and of the stack.
   *
   * @param hosts by the provider of their Docker
   */
  async told(hosts: ReadonlyMap<pulumi.ProviderResource, StackHost>, stack: string): Promise<string[]> {
    const planned = await Promise.all(this.#seen.map(async ({ resource, provider, ...one }) => ({ ...one, host: provider && hosts.get(provider)?.name, stays: await isKept(resource) })));
    const all = [...hosts.values()];
    const present = await Promise.all((await stackContainers(all.map(({ client }) => client), stack)).map(async (one) => ({ ...one, host: all.find(({ client }) => client === one.client)?.name, talks: one.state === "running" ? (await talksIn(one))?.length : undefined })));
    return sentences(planned, present);
  }
}

/** In a preview, one that would be made, or made anew, has a URN and no id yet. (Resource hooks would say the same, but not every language host passes them on.) */
async function isKept(resource: pulumi.CustomResource): Promise<boolean> {
  let known = false;
  resource.id.apply(() => { known = true; });
  await new Promise<void>((resolve) => resource.urn.apply(() => resolve()));
  // Both come with one answer of the engine's.
  await setImmediate();
  return known;
}
