import { join } from "node:path";
import { Deployment, root } from "./deployment.ts";
import { plannedOfLabStack } from "./engine.ts";
import { docker } from "./docker.ts";
import { HostNetwork, type HostSettings, type TestHost } from "./host.ts";
import { Phones, type Phone } from "./phones.ts";

interface Hosts { kind: "ssh"; identityFile: string; softswitch: HostSettings; application: HostSettings }

/** A stack whose switch and application server are two machines of the tests, deployed by our own command over SSH. */
export class TwoHosts {
  readonly deployment: Deployment;
  readonly network: HostNetwork;
  softswitch: TestHost;
  readonly application: TestHost;
  /** As the configuration has them. */
  hosts: Hosts;
  readonly #images: readonly string[];
  /** Images that the stack is configured with. */
  readonly ready: Record<string, string>;
  #phones: Phones | undefined;

  private constructor(deployment: Deployment, network: HostNetwork, [softswitch, application]: readonly [TestHost, TestHost], hosts: Hosts, images: readonly string[], ready: Record<string, string>) {
    this.deployment = deployment;
    this.network = network;
    this.softswitch = softswitch;
    this.application = application;
    this.hosts = hosts;
    this.#images = images;
    this.ready = ready;
  }

  /** Starts the machines and configures the stack; nothing is deployed yet. */
  static async start(config: Record<string, unknown> = {}): Promise<TwoHosts> {
    const deployment = await Deployment.prepare();
    const network = await HostNetwork.create(deployment.stack);
    try {
      const planned = await plannedOfLabStack();
      const images = planned.map(({ reference }) => reference);
      const named = (name: string) => planned.find((image) => image.name === name)!.reference;
      const [softswitch, application] = await Promise.all([network.host("softswitch"), network.host("application")]);
      await Promise.all([softswitch.load(images), application.load(images)]);
      const hosts: Hosts = { kind: "ssh", identityFile: network.identityFile, softswitch: await softswitch.settings(), application: await application.settings() };
      const ready = { labSwitch: named("lab-switch"), appServer: named("app-server"), edge: named("edge"), sound: named("freeswitch-sound") };
      await deployment.configure({ hosts, site: "phone.example.test", switchSite: "switch.example.test", images: ready, ...config });
      return new TwoHosts(deployment, network, [softswitch, application], hosts, images, ready);
    } catch (error) {
      await network.remove();
      throw error;
    }
  }

  get page(): string {
    return `https://phone.example.test:${this.deployment.ports.applicationEdge}/`;
  }

  /** The authority that people's browsers are told to trust. */
  get root(): string {
    return join(root, ".houseline/stacks", this.deployment.stack, "authority/root.crt");
  }

  /** Somebody signs in at a browser of their own. */
  async enter(user: string, hz: number): Promise<Phone> {
    this.#phones ??= await Phones.create();
    const names = { "phone.example.test": this.application.publicAddress, "switch.example.test": this.softswitch.publicAddress };
    const phone = await this.#phones.open(this.page, hz, { at: { names, root: this.root } });
    await phone.signIn(user, await this.deployment.password());
    await phone.ready();
    return phone;
  }

  /** The softswitch's machine is gone with all that it had; another is there, with a key and addresses of its own. */
  async loseSoftswitch(): Promise<void> {
    const lost = this.softswitch;
    this.softswitch = await this.network.host("another-softswitch");
    await docker("rm", "--force", "--volumes", lost.id);
    await this.softswitch.load(this.#images);
    this.hosts = { ...this.hosts, softswitch: await this.softswitch.settings() };
    await this.deployment.configure({ hosts: this.hosts, images: this.ready });
  }

  async remove(): Promise<void> {
    await this.#phones?.close();
    await this.network.remove();
    await this.deployment.forget();
  }
}
