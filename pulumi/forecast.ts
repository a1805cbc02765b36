import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { DockerClient } from "./docker-cli.ts";
import { presentContainers } from "./present.ts";
import { sentences, type Change, type Planned } from "./forecast-words.ts";
import { talksIn } from "./talks.ts";

type Seen = Omit<Planned, "change"> & { name: string; resource: pulumi.Resource };

/**
 * Watches a preview, and tells what an update would do to each container: what is replaced, what drains and for how long, what stays. What
 * changes is the engine's own decision, learnt by resource hooks; who talks is asked of the switches that run.
 */
export class Forecast {
  readonly #changes = new Map<string, Change>();
  readonly #seen: Seen[] = [];

  /** Watches every container that the program makes from now on. */
  constructor() {
    const hook = (change: Change, name: string) => [new pulumi.ResourceHook(`${change} ${name}`, () => void this.#changes.set(name, change), { onDryRun: true })];
    pulumi.runtime.registerStackTransformation(({ resource, type, name, props, opts }) => {
      if (!(resource instanceof docker.Container) || type.startsWith("pulumi:")) return undefined;
      const { image, labels } = props as { image: string; labels: { label: string; value: string }[] };
      this.#seen.push({ name, image, role: labels.find(({ label }) => label === "houseline.role")!.value, resource });
      return { props, opts: pulumi.mergeOptions(opts, { hooks: { beforeCreate: hook("create", name), beforeUpdate: hook("update", name) } }) };
    });
  }

  /** Once every container is registered: a sentence for each of the program and of the stack. */
  async told(client: DockerClient, stack: string): Promise<string[]> {
    // The engine has answered for a resource when it gives it its URN, whether or not its id is known yet.
    await Promise.all(this.#seen.map(({ resource }) => new Promise<void>((resolve) => resource.urn.apply(() => resolve()))));
    const planned = this.#seen.map(({ name, role, image }) => ({ role, image, change: this.#changes.get(name) ?? "stay" }));
    const present = await presentContainers(client, stack);
    const talks = new Map(await Promise.all(present.filter(({ running }) => running).map(async (one) => [one.id, await talksIn(client, one)] as const)));
    return sentences(planned, present.map((one) => ({ ...one, talks: talks.get(one.id)?.length })));
  }
}
