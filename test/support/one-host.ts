import { join } from "node:path";
import { root, type Deployment } from "./deployment.ts";
import type { HostNetwork, TestHost } from "./host.ts";
import { Phones, type Phone } from "./phones.ts";

const site = "phone.example.test";

/** A stack whose two servers are one machine of the tests. */
export class OneHost {
  readonly #deployment: Deployment;
  readonly #host: TestHost;
  readonly #phones: Phones;

  private constructor(deployment: Deployment, host: TestHost, phones: Phones) {
    this.#deployment = deployment;
    this.#host = host;
    this.#phones = phones;
  }

  /** Deploys it. */
  static async open(deployment: Deployment, network: HostNetwork, host: TestHost, config: Record<string, unknown> = {}): Promise<OneHost> {
    await deployment.configure({ hosts: { kind: "ssh", identityFile: network.identityFile, softswitch: await host.settings() }, site, ...config });
    await deployment.up();
    return new OneHost(deployment, host, await Phones.create());
  }

  async enter(user: string, hz: number): Promise<Phone> {
    const phone = await this.#phones.open(`https://${site}:${this.#deployment.ports.applicationEdge}/`, hz, {
      at: { names: { [site]: this.#host.publicAddress }, root: join(root, ".houseline/stacks", this.#deployment.stack, "authority/root.crt") },
    });
    await phone.signIn(user, await this.#deployment.password());
    await phone.ready();
    return phone;
  }

  /** Anna calls Boris, and they hear each other. */
  async call(): Promise<[Phone, Phone]> {
    const [anna, boris] = await Promise.all([this.enter("anna", 440), this.enter("boris", 880)]);
    await anna.button("Call Boris Weber").click();
    await boris.button("Answer").click();
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
    return [anna, boris];
  }

  close(): Promise<void> {
    return this.#phones.close();
  }
}
