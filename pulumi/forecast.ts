import { setImmediate } from "node:timers/promises";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { DockerClient } from "./docker-cli.ts";
import { sentences } from "./forecast-words.ts";
import { stackContainers } from "./stack-containers.ts";
import { talksIn } from "./talks.ts";

/**
 * Watches a preview, and tells what an update would do to each container: what is replaced, what drains and for how long, what stays. What is
 * replaced is the engine's own decision; who talks is asked of the switches that run.
 */
export class Forecast {
  readonly #seen: { resource: docker.Container; role: string; image: string }[] = [];

  /** Watches every container that the program makes from now on. */
  constructor() {
    pulumi.runtime.registerStackTransformation(({ resource, props }) => {
      if (!(resource instanceof docker.Container)) return undefined;
      const { image, labels } = props as { image: string; labels: { label: string; value: string }[] };
      this.#seen.push({ resource, image, role: labels.find(({ label }) => label === "houseline.role")!.value });
      return undefined;
    });
  }

  /** Once the engine has decided about every container: a sentence for each of the program and of the stack. */
  async told(clients: readonly DockerClient[], stack: string): Promise<string[]> {
    const planned = await Promise.all(this.#seen.map(async ({ resource, ...one }) => ({ ...one, stays: await isKept(resource) })));
    const present = await Promise.all((await stackContainers(clients, stack)).map(async (one) => ({ ...one, talks: one.state === "running" ? (await talksIn(one))?.length : undefined })));
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
