import { Deployment } from "./deployment.ts";
import { Phones, type Phone } from "./phones.ts";

/** Tones that are no multiples of each other. */
const tones = { anna: 440, boris: 700, clara: 1_100, dmitri: 1_500 } as const;
export type Name = keyof typeof tones;

interface Options {
  config: Record<string, unknown>;
  people: readonly Name[];
  /** Whose network can be cut. */
  cuttable?: readonly Name[];
}

/** A deployment of our own program with people at their softphones, registered and idle. */
export class Scene {
  readonly deployment: Deployment;
  readonly phones: Phones;
  readonly password: string;
  readonly #people = new Map<Name, Phone>();

  private constructor(deployment: Deployment, phones: Phones, password: string) {
    this.deployment = deployment;
    this.phones = phones;
    this.password = password;
  }

  static async set({ config, people, cuttable = [] }: Options): Promise<Scene> {
    const deployment = await Deployment.prepare(config);
    try {
      await deployment.up();
      const scene = new Scene(deployment, await Phones.create(), await deployment.password());
      for (const name of people) scene.#people.set(name, await scene.enter(name, { cuttable: cuttable.includes(name) }));
      return scene;
    } catch (error) {
      await deployment.remove();
      throw error;
    }
  }

  /** Somebody signs in at a browser; the same person may be at several. */
  async enter(name: Name, options: { cuttable?: boolean; viewport?: { width: number; height: number } } = {}): Promise<Phone> {
    const phone = await this.phones.open(this.deployment.page, tones[name], options);
    await phone.signIn(name, this.password);
    await phone.ready();
    return phone;
  }

  phone(name: Name): Phone {
    return this.#people.get(name)!;
  }

  /** One calls the other and is answered; returns the call's id. */
  async connect(from: Phone, to: Phone, name: string): Promise<string> {
    await from.button(`Call ${name}`).click();
    await to.button("Answer").click();
    const [id] = await Promise.all([from.inState("answered"), to.inState("answered")]);
    await Promise.all([from.hears(to), to.hears(from)]);
    return id;
  }

  /** Everybody hangs up. */
  async clear(...more: Phone[]): Promise<void> {
    const all = [...this.#people.values(), ...more];
    for (const phone of all) await phone.page.evaluate(() => window.houseline.calls.forEach((call) => call.hangup()));
    await Promise.all(all.map((phone) => phone.idle()));
  }

  async end(): Promise<void> {
    await this.phones.close();
    await this.deployment.remove();
  }
}
