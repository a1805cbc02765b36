import { join } from "node:path";
import { PostgresCluster } from "../../app/server/testing/postgres-cluster.ts";
import { imagesOn, type Image, type PlannedImages } from "../../pulumi/images.ts";
import type { Servers } from "../../pulumi/port-ranges.ts";
import { Deployment, root } from "./deployment.ts";
import { plannedOf } from "./engine.ts";
import { docker } from "./docker.ts";
import { HostNetwork, type HostSettings, type TestHost } from "./host.ts";
import { Phones, type Phone } from "./phones.ts";
import { freePorts } from "./ports.ts";
import { switches } from "./switches.ts";

interface Hosts { kind: "ssh"; identityFile: string; softswitch: HostSettings; application: HostSettings; standby?: HostSettings & { site: string }; moreApplications?: (HostSettings & { site: string })[] }

interface Options {
  config?: Record<string, unknown>;
  /** A third machine, for a softswitch in reserve; the stack has none until `useStandby`. */
  reserve?: boolean;
  /** Another machine with an application server, and a PostgreSQL on this one. */
  secondApplication?: boolean;
  /** @default the lab switch */
  on?: (typeof switches)[number];
}

export const sites = { application: "phone.example.test", softswitch: "switch.example.test", standby: "switch2.example.test", secondApplication: "phone2.example.test" };

/** A stack whose switch and application server are two machines of the tests, perhaps with a third in reserve or a second application server, deployed by our own command over SSH. */
export class SeveralHosts {
  readonly deployment: Deployment;
  readonly network: HostNetwork;
  softswitch: TestHost;
  readonly application: TestHost;
  readonly #standby: TestHost | undefined;
  readonly #second: TestHost | undefined;
  readonly #database: PostgresCluster | undefined;
  /** As the configuration has them. */
  hosts: Hosts;
  readonly #planned: readonly Image[];
  /** Images that the stack is configured with. */
  readonly ready: Record<string, string>;
  #phones: Phones | undefined;

  private constructor(deployment: Deployment, network: HostNetwork, machines: { softswitch: TestHost; application: TestHost; standby?: TestHost; second?: TestHost }, database: PostgresCluster | undefined, hosts: Hosts, planned: readonly Image[], ready: Record<string, string>) {
    this.deployment = deployment;
    this.network = network;
    this.softswitch = machines.softswitch;
    this.application = machines.application;
    this.#standby = machines.standby;
    this.#second = machines.second;
    this.#database = database;
    this.hosts = hosts;
    this.#planned = planned;
    this.ready = ready;
  }

  /** Starts the machines and configures the stack; nothing is deployed yet. */
  static async start({ config = {}, reserve = false, secondApplication = false, on = switches[0] }: Options = {}): Promise<SeveralHosts> {
    const deployment = await Deployment.prepare(on.config);
    const network = await HostNetwork.create(deployment.stack);
    let database: PostgresCluster | undefined;
    try {
      if (secondApplication) database = await PostgresCluster.start(await freePorts(1), await network.gateway());
      const planned = await plannedOf(on.config);
      const named = (name: string) => planned.find((image) => image.name === name)!.reference;
      const machine = async (servers: Servers, name: string = servers) => {
        const host = await network.host(name);
        await host.load(referencesOn(planned, servers));
        return host;
      };
      const [softswitch, application, standby, second] = await Promise.all([machine("softswitch"), machine("application"), reserve ? machine("standby") : undefined, secondApplication ? machine("application", "second-application") : undefined]);
      const hosts: Hosts = {
        kind: "ssh", identityFile: network.identityFile, softswitch: await softswitch.settings(), application: await application.settings(),
        ...(second && { moreApplications: [{ ...await second.settings(), site: sites.secondApplication }] }),
      };
      const ready = { ...(on.role === "lab-switch" && { labSwitch: named(on.role) }), appServer: named("app-server"), edge: named("edge"), sound: named("freeswitch-sound") };
      await deployment.configure({ hosts, site: sites.application, switchSite: sites.softswitch, images: ready, ...(database && { secrets: { databaseUrl: database.createDatabase() } }), ...(on.role === "freeswitch" && { freeswitch: { image: named(on.role) } }), ...config });
      return new SeveralHosts(deployment, network, { softswitch, application, ...(standby && { standby }), ...(second && { second }) }, database, hosts, planned, ready);
    } catch (error) {
      await network.remove();
      await database?.remove();
      throw error;
    }
  }

  get standby(): TestHost {
    if (!this.#standby) throw new Error("This stack was started without a machine in reserve.");
    return this.#standby;
  }

  get secondApplication(): TestHost {
    if (!this.#second) throw new Error("This stack was started with one application server.");
    return this.#second;
  }

  /** Where an application server is reached, as browsers write it. */
  origin(site: string, scheme: "https" | "wss" = "https"): string {
    return `${scheme}://${site}:${this.deployment.ports.applicationEdge}`;
  }

  get page(): string {
    return `${this.origin(sites.application)}/`;
  }

  /** The authority that people's browsers are told to trust. */
  get root(): string {
    return join(root, ".houseline/stacks", this.deployment.stack, "authority/root.crt");
  }

  /** The next `up` puts a softswitch in reserve on the third machine. */
  async useStandby(): Promise<void> {
    this.hosts = { ...this.hosts, standby: { ...await this.standby.settings(), site: sites.standby } };
    await this.deployment.configure({ hosts: this.hosts, images: this.ready });
  }

  /** Somebody signs in at a browser of their own, on the page of the first application server unless told. */
  async enter(user: string, hz: number, site = sites.application): Promise<Phone> {
    this.#phones ??= await Phones.create();
    const names = { [sites.application]: this.application.publicAddress, [sites.softswitch]: this.softswitch.publicAddress, ...(this.#standby && { [sites.standby]: this.#standby.publicAddress }), ...(this.#second && { [sites.secondApplication]: this.#second.publicAddress }) };
    const phone = await this.#phones.open(`${this.origin(site)}/`, hz, { at: { names, root: this.root } });
    await phone.signIn(user, await this.deployment.password());
    await phone.ready();
    return phone;
  }

  /** The softswitch's machine is gone with all that it had: silent first, so that nobody is told by the end of a connection. */
  async loseSoftswitch(): Promise<void> {
    await this.softswitch.silence();
    await docker("rm", "--force", "--volumes", this.softswitch.id);
  }

  /** Another is there in the place of one that is gone, with a key of its own, at the same addresses: what leads to it in DNS stays. */
  async replaceSoftswitch(): Promise<void> {
    const lost = this.softswitch;
    await this.#putSoftswitch(await this.network.host("softswitch"));
    // Docker gives the lowest address that is free.
    if (this.softswitch.publicAddress !== lost.publicAddress) throw new Error("The machine in the place of the lost one got another address.");
  }

  /** The softswitch's machine is gone with all that it had; another is there, with a key and addresses of its own. */
  async moveSoftswitch(): Promise<void> {
    const another = await this.network.host("another-softswitch");
    await this.loseSoftswitch();
    await this.#putSoftswitch(another);
  }

  async #putSoftswitch(host: TestHost): Promise<void> {
    this.softswitch = host;
    await host.load(referencesOn(this.#planned, "softswitch"));
    this.hosts = { ...this.hosts, softswitch: await host.settings() };
    await this.deployment.configure({ hosts: this.hosts, images: this.ready });
  }

  async remove(): Promise<void> {
    await this.#phones?.close();
    await this.network.remove();
    await this.#database?.remove();
    await this.deployment.remove();
  }
}

/** What a machine with these servers needs. */
function referencesOn(planned: readonly Image[], servers: Servers): string[] {
  const byName = Object.fromEntries(planned.map((image) => [image.name, image])) as PlannedImages;
  return imagesOn(byName, servers).map(({ reference }) => reference);
}
