import { createSocket, type Socket } from "node:dgram";
import { randomUUID } from "node:crypto";
import type { EslLink, SwitchEvent } from "../../app/server/switch/esl-link.ts";
import { SipClient, type Account } from "../freeswitch/sip-client.ts";
import { until } from "../support/until.ts";

const frameMs = 20;
/** Of an Opus frame of speech at about 32 kbit/s. */
const frameBytes = 80;
const opus = 111;

/** One side of a call: signals over WebSocket, sends and counts Opus in plain RTP (RFC 3550, RFC 7587). */
class Endpoint {
  readonly callId = randomUUID();
  readonly socket: Socket;
  received = 0;
  sent = 0;
  #port = 0;
  #sequence = 0;
  readonly #packet = Buffer.alloc(12 + frameBytes);

  constructor(mark: number) {
    this.socket = createSocket({ type: "udp4", recvBufferSize: 1 << 20 }).on("message", () => { this.received++; });
    this.#packet.writeUInt16BE(0x8000 | opus, 0);
    this.#packet.writeUInt32BE(mark, 8);
    // One frame of 20 ms, CELT, fullband, mono. (RFC 6716 section 3.1)
    this.#packet.fill(mark & 0xff, 12).writeUInt8(31 << 3, 12);
  }

  /** Calls the echo of a switch, which keeps the leg until it is bridged. */
  async call(client: SipClient): Promise<void> {
    await new Promise<void>((resolve) => this.socket.bind(0, "127.0.0.1", resolve));
    const offer = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", `m=audio ${this.socket.address().port} RTP/AVP ${opus}`,
      `a=rtpmap:${opus} opus/48000/2`, "a=ptime:20", "a=sendrecv", ""].join("\r\n");
    const response = await client.invite("9196", offer, [], this.callId);
    if (response.status !== 200) throw new Error(`The echo was answered with ${response.start}.`);
    this.#port = Number(/^m=audio (\d+)/m.exec(response.body)?.[1]);
    if (!/opus/i.test(response.body)) throw new Error("The switch does not take Opus.");
  }

  send(): void {
    this.sent++;
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#packet.writeUInt16BE(this.#sequence, 2);
    this.#packet.writeUInt32BE((this.#sequence * 960) >>> 0, 4);
    this.socket.send(this.#packet, this.#port, "127.0.0.1");
  }
}

/** Calls of two endpoints each, bridged without transcoding, for measuring what they cost a switch. */
export class Load {
  readonly #endpoints: Endpoint[] = [];
  readonly #clients = new Map<string, SipClient>();
  #timer: NodeJS.Timeout | undefined;
  readonly #url: string;
  readonly #esl: EslLink;
  readonly #account: (index: number) => Account;

  /** @param esl listens to CHANNEL_ANSWER */
  constructor(url: string, esl: EslLink, account: (index: number) => Account) {
    this.#url = url;
    this.#esl = esl;
    this.#account = account;
  }

  /** Makes so many bridged calls in which both sides talk. */
  async start(calls: number): Promise<void> {
    const uuids = new Map<string, string>();
    const note = (event: SwitchEvent) => {
      if (event["Event-Name"] === "CHANNEL_ANSWER") uuids.set(String(event["variable_sip_call_id"]), String(event["Unique-ID"]));
    };
    this.#esl.on("event", note);
    for (let index = 0; index < calls * 2; index++) {
      const endpoint = new Endpoint(index + 1);
      await endpoint.call(await this.#client(this.#account(index % 20)));
      this.#endpoints.push(endpoint);
    }
    this.#send();
    const legs = await until("every leg", () => this.#endpoints.every(({ callId }) => uuids.has(callId)) && this.#endpoints.map(({ callId }) => uuids.get(callId)!));
    this.#esl.off("event", note);
    for (let index = 0; index < legs.length; index += 2) await this.#esl.api("uuid_bridge", legs[index]!, legs[index + 1]!);
  }

  get received(): number {
    return this.#endpoints.reduce((sum, { received }) => sum + received, 0);
  }

  get sent(): number {
    return this.#endpoints.reduce((sum, { sent }) => sum + sent, 0);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#esl.api("hupall");
    await until("no channel", async () => (JSON.parse(await this.#esl.api("show", "channels", "as", "json")) as { row_count: number }).row_count === 0);
    for (const { socket } of this.#endpoints) socket.close();
    for (const client of this.#clients.values()) client.close();
  }

  async #client(account: Account): Promise<SipClient> {
    let client = this.#clients.get(account.name);
    if (!client) this.#clients.set(account.name, client = await SipClient.connect(this.#url, account));
    return client;
  }

  /** Catches up when a tick comes late, so that every endpoint sends 50 packets a second. */
  #send(): void {
    const begun = performance.now();
    let ticks = 0;
    this.#timer = setInterval(() => {
      for (const due = (performance.now() - begun) / frameMs; ticks < due; ticks++) for (const endpoint of this.#endpoints) endpoint.send();
    }, frameMs / 2);
  }
}
