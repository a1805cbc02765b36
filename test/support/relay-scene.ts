import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TurnServer } from "../../app/protocol/wire.ts";
import { Deployment, root } from "./deployment.ts";
import { Phones, type Phone } from "./phones.ts";
import { freePorts, rtpBases } from "./ports.ts";

const site = "phone.example.test";

/** How the media of a call gets to the switch. (Identifiers for WebRTC's Statistics API, RTCIceCandidateStats) */
export interface Way { type: string; relayProtocol: string | undefined }

/** A stack with a relay and certificates of its own authority, and people whose network the tests can cut. */
export class RelayScene {
  readonly deployment: Deployment;
  readonly ports: { turn: number; turnTls: number };
  readonly #phones: Phones;

  private constructor(deployment: Deployment, ports: { turn: number; turnTls: number }, phones: Phones) {
    this.deployment = deployment;
    this.ports = ports;
    this.#phones = phones;
  }

  static async set(config: Record<string, unknown>): Promise<RelayScene> {
    const deployment = await Deployment.prepare(config);
    try {
      const turn = await freePorts(5);
      // The relays' have the place that RTP's have not.
      const ports = { turn, turnTls: turn + 1, turnLocal: turn + 2, turnRelay: rtpBases.find((base) => base !== deployment.ports.rtp)! };
      await deployment.configure({ site, turn: { enabled: true }, ports: { ...deployment.ports, ...ports } });
      await deployment.up();
      return new RelayScene(deployment, ports, await Phones.create());
    } catch (error) {
      await deployment.remove();
      throw error;
    }
  }

  async enter(user: string, hz: number): Promise<Phone> {
    const at = { names: { [site]: "127.0.0.1" }, root: join(this.#directory, "authority/root.crt") };
    const phone = await this.#phones.open(`https://${site}:${this.deployment.ports.applicationEdge}/`, hz, { cuttable: true, at });
    await phone.signIn(user, await this.deployment.password());
    await phone.ready();
    return phone;
  }

  /** What the application server gave somebody's page. */
  async turnOf(phone: Phone): Promise<TurnServer> {
    const { sip } = JSON.parse(await phone.page.evaluate(() => sessionStorage.getItem("houseline.session")!)) as { sip: { turn: TurnServer } };
    return sip.turn;
  }

  /** What the application server and the relay share. */
  async secret(): Promise<string> {
    return (JSON.parse(await readFile(join(this.#directory, "secrets.json"), "utf8")) as { turnSecret: string }).turnSecret;
  }

  /** A credential as the application server makes it, with another end. */
  async credential(seconds: number, user = "mallory"): Promise<{ username: string; credential: string }> {
    const username = `${Math.floor(Date.now() / 1_000) + seconds}:${user}`;
    return { username, credential: createHmac("sha1", await this.secret()).update(username).digest("base64") };
  }

  /** The candidate of this side that media goes out by. */
  wayOf(phone: Phone): Promise<Way | undefined> {
    return phone.page.evaluate(async () => {
      const report = await window.houseline.calls.at(-1)?.connection?.getStats();
      const all = new Map<string, Record<string, unknown>>([...report?.entries() ?? []]);
      const transport = [...all.values()].find(({ type }) => type === "transport");
      const pair = all.get(String(transport?.selectedCandidatePairId));
      const local = all.get(String(pair?.localCandidateId));
      return local && { type: String(local.candidateType), relayProtocol: local.relayProtocol as string | undefined };
    });
  }

  async end(): Promise<void> {
    await this.#phones.close();
    await this.deployment.remove();
  }

  get #directory(): string {
    return join(root, ".houseline/stacks", this.deployment.stack);
  }
}
