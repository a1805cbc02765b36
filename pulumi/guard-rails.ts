import * as pulumi from "@pulumi/pulumi";
import { containerViolations, firewallViolations, type ImageFacts } from "./violations.ts";
import type { Settings } from "./settings.ts";

/**
 * Looks at every resource that the program declares, and lets none be made while one of them is not fit for people's
 * telephones: each waits for `close`, which comes when all are declared.
 */
export class GuardRails {
  readonly #violations: string[] = [];
  readonly #gate: { open: () => void; refuse: (reason: Error) => void };

  /** @param images what is known of the images, by reference; in a preview they may not be there yet */
  constructor(settings: Pick<Settings, "ports" | "turn">, images: ReadonlyMap<string, ImageFacts>) {
    const { promise, resolve, reject } = Promise.withResolvers<pulumi.Resource[]>();
    // Told once, by close; those that wait fail with it.
    promise.catch(() => undefined);
    this.#gate = { open: () => resolve([]), refuse: reject };
    pulumi.runtime.registerStackTransformation(({ type, name, props, opts }) => {
      if (type === "pulumi:pulumi:Stack") return undefined;
      if (type === "docker:index/container:Container") this.#violations.push(...containerViolations(name, props, images));
      if (type === "hcloud:index/firewall:Firewall") this.#violations.push(...firewallViolations(name, props, settings));
      return { props, opts: pulumi.mergeOptions(opts, { dependsOn: promise }) };
    });
  }

  /** Everything is declared: it goes on, or nothing is made. */
  close(): void {
    if (this.#violations.length === 0) return this.#gate.open();
    const refusal = new pulumi.RunError(`This stack is refused, and nothing was changed:\n${this.#violations.map((line) => `  ${line}`).join("\n")}`);
    this.#gate.refuse(refusal);
    throw refusal;
  }
}
