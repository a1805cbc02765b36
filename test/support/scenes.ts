import { EslCommand } from "../../app/server/switch/commands.ts";
import type { ChannelRow } from "./recording.ts";
import type { EslLink, SwitchEvent } from "../../app/server/switch/esl-link.ts";
import type { Person } from "../freeswitch/directory.ts";
import { SipClient, type Dialog, type SipMessage } from "../freeswitch/sip-client.ts";
import { until } from "./until.ts";

/** What the scenes listen to over ESL. */
export const sceneEvents = [
  "CHANNEL_CREATE", "CHANNEL_PROGRESS", "CHANNEL_ANSWER", "CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE", "CHANNEL_HOLD", "CHANNEL_UNHOLD", "CHANNEL_HANGUP_COMPLETE", "DTMF",
  "CUSTOM sofia::register sofia::unregister",
].join(" ");

const wanted = new Set(sceneEvents.split(" "));

export const sceneDomain = "houseline.test";
/** Anna calls Boris; Clara is whom calls are transferred to; Dora is never there. */
export const scenePeople = ["anna", "boris", "clara", "dora"].map((name, index): Person =>
  ({ name, extension: String(101 + index), authName: `${name}~1`, password: `of ${name}` }));

/**
 * What Boris and Clara answer, as a browser writes it: the first codec that was offered, Opus where it is for them to offer.
 * Nothing listens at its address: what is looked at is what the switch tells of a call.
 */
export function answer({ body }: SipMessage): string {
  const payload = /^m=audio \d+ \S+ (\d+)/m.exec(body)?.[1] ?? "111";
  const codec = new RegExp(`^a=rtpmap:${payload} (\\S+)`, "m").exec(body)?.[1] ?? (payload === "0" ? "PCMU/8000" : "opus/48000/2");
  const fingerprint = Array.from({ length: 32 }, (_, index) => (index + 16).toString(16).toUpperCase()).join(":");
  return [
    "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0", `m=audio 9 UDP/TLS/RTP/SAVPF ${payload}`, "c=IN IP4 127.0.0.1", "a=mid:0", "a=sendrecv", "a=rtcp-mux",
    "a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuvwx", `a=fingerprint:sha-256 ${fingerprint}`, `a=setup:${body === "" ? "actpass" : "active"}`,
    "a=candidate:1 1 udp 2113937151 127.0.0.1 9 typ host", `a=rtpmap:${payload} ${codec}`, "",
  ].join("\r\n");
}

/** What Anna offers: plain RTP, since FreeSWITCH would wait for a browser's media before it lets her talk to anybody. */
export function offer(direction: "sendrecv" | "sendonly"): string {
  return ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", "m=audio 4000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", `a=${direction}`, ""].join("\r\n");
}

const typed = ["Content-Type: application/sdp"];

/** A switch, real or not, with Anna, Boris and Clara signed in. */
export class Stage {
  readonly events: SwitchEvent[] = [];
  /** What `show channels as json` listed while Anna and Boris were talking. */
  channels: ChannelRow[] = [];
  readonly #url: string;
  readonly #esl: EslLink;
  readonly #clients = new Map<string, SipClient>();
  readonly #contacts = new Set<SipClient>();

  readonly #listener = (event: SwitchEvent) => {
    // modesl subscribes to more than it is asked to.
    if (wanted.has(String(event["Event-Name"]))) this.events.push(event);
  };

  constructor(url: string, esl: EslLink) {
    this.#url = url;
    this.#esl = esl;
    esl.on("event", this.#listener);
  }

  async client(name: string): Promise<SipClient> {
    const known = this.#clients.get(name);
    if (known) return known;
    const { authName, password } = scenePeople.find((person) => person.name === name)!;
    const client = await SipClient.connect(this.#url, { domain: sceneDomain, name, authName, password });
    this.#clients.set(name, client);
    return client;
  }

  async register(...names: string[]): Promise<void> {
    for (const name of names) {
      const client = await this.client(name);
      if (this.#contacts.has(client)) continue;
      const { status } = await client.register();
      if (status !== 200) throw new Error(`${name} could not register: ${status}.`);
      this.#contacts.add(client);
    }
  }

  async unregister(name: string): Promise<void> {
    const client = await this.client(name);
    await client.register(0);
    this.#contacts.delete(client);
  }

  /** The last act of every scene: no channel is left, and everybody leaves unheard. */
  async close(): Promise<void> {
    await until("no channel", async () => (JSON.parse(await this.#esl.api(EslCommand.of("show", "channels", "as", "json"))) as { row_count: number }).row_count === 0);
    this.#esl.off("event", this.#listener);
    for (const client of this.#clients.values()) client.close();
    await until("no registration", async () => /Total items returned: 0/.test(await this.#esl.api(EslCommand.of("sofia", "status", "profile", "houseline", "reg"))));
  }

  /** Waits for an event that has not come yet when this is called. */
  async event(name: string, count = 1): Promise<void> {
    await until(`${count} × ${name}`, () => this.events.filter((event) => (event["Event-Subclass"] ?? event["Event-Name"]) === name).length >= count);
  }

  request(client: SipClient, method: string): Promise<SipMessage> {
    return client.next(method, ({ start }) => start.startsWith(`${method} `));
  }

  /** Anna calls Boris, who answers. */
  async connect(): Promise<{ anna: SipClient; boris: SipClient; calling: Dialog; called: Dialog }> {
    await this.register("anna", "boris");
    const [anna, boris] = [await this.client("anna"), await this.client("boris")];
    const invited = this.request(boris, "INVITE");
    const final = anna.invite("boris", offer("sendrecv"));
    const invite = await invited;
    boris.reply(invite, "180 Ringing");
    await this.event("CHANNEL_PROGRESS");
    boris.reply(invite, "200 OK", typed, answer(invite));
    const response = await final;
    await this.event("CHANNEL_BRIDGE");
    // The list follows the events within some milliseconds.
    this.channels = await until("a settled list of channels", async () => {
      const { rows = [] } = JSON.parse(await this.#esl.api(EslCommand.of("show", "channels", "as", "json"))) as { rows?: ChannelRow[] };
      return new Set(rows.map(({ call_uuid }) => call_uuid)).size === 1 && rows.every(({ callstate }) => callstate === "ACTIVE") && rows;
    });
    return { anna, boris, calling: anna.dialled(response), called: boris.answered(invite) };
  }

  /** Answers every INVITE within a call with what is offered; a switch asks for that or not. */
  agree(client: SipClient): void {
    void this.request(client, "INVITE").then((invite) => {
      client.reply(invite, "200 OK", typed, answer(invite));
      this.agree(client);
    }, () => undefined);
  }
}

export interface Scene { name: string; play(stage: Stage): Promise<void> }

/** Everything that the lab switch says of calls, played the same on it and on FreeSWITCH. */
export const scenes: readonly Scene[] = [
  {
    name: "registration",
    async play(stage) {
      await stage.register("anna");
      await stage.event("sofia::register");
      await stage.unregister("anna");
      await stage.event("sofia::unregister");
    },
  },
  {
    name: "call-hold-dtmf",
    async play(stage) {
      const { anna, boris, calling, called } = await stage.connect();
      for (const [client, dialog, other, count] of [[anna, calling, boris, 1], [boris, called, anna, 2]] as const) {
        stage.agree(other);
        await client.within(dialog, "INVITE", typed, offer("sendonly"));
        await stage.event("CHANNEL_HOLD", count);
        await client.within(dialog, "INVITE", typed, offer("sendrecv"));
        await stage.event("CHANNEL_UNHOLD", count);
      }
      await anna.within(calling, "INFO", ["Content-Type: application/dtmf-relay"], "Signal=5\r\nDuration=100\r\n");
      await stage.event("DTMF");
      await anna.within(calling, "BYE");
      await stage.event("CHANNEL_HANGUP_COMPLETE", 2);
    },
  },
  {
    name: "hangup-by-callee",
    async play(stage) {
      const { boris, called } = await stage.connect();
      await boris.within(called, "BYE");
      await stage.event("CHANNEL_HANGUP_COMPLETE", 2);
    },
  },
  {
    name: "blind-transfer",
    async play(stage) {
      await stage.register("clara");
      const { anna, boris, calling } = await stage.connect();
      const clara = await stage.client("clara");
      stage.agree(boris);
      const invited = stage.request(clara, "INVITE");
      const { status } = await anna.within(calling, "REFER", [`Refer-To: <sip:103@${sceneDomain}>`]);
      if (status !== 202) throw new Error(`REFER was answered with ${status}.`);
      const invite = await invited;
      clara.reply(invite, "180 Ringing");
      await stage.event("CHANNEL_PROGRESS", 2);
      clara.reply(invite, "200 OK", typed, answer(invite));
      await stage.event("CHANNEL_BRIDGE", 2);
      await clara.within(clara.answered(invite), "BYE");
      await stage.event("CHANNEL_HANGUP_COMPLETE", 3);
    },
  },
  ...([["busy", "486 Busy Here"], ["declined", "603 Decline"]] as const).map(([name, reply]): Scene => ({
    name,
    async play(stage) {
      await stage.register("anna", "boris");
      const [anna, boris] = [await stage.client("anna"), await stage.client("boris")];
      const invited = stage.request(boris, "INVITE");
      const final = anna.invite("102", offer("sendrecv"));
      boris.reply(await invited, reply);
      await final;
      await stage.event("CHANNEL_HANGUP_COMPLETE", 2);
    },
  })),
  {
    name: "cancel",
    async play(stage) {
      await stage.register("anna", "boris");
      const [anna, boris] = [await stage.client("anna"), await stage.client("boris")];
      const invited = stage.request(boris, "INVITE");
      const final = anna.invite("boris", offer("sendrecv"));
      const invite = await invited;
      boris.reply(invite, "180 Ringing");
      await stage.event("CHANNEL_PROGRESS");
      const cancelled = stage.request(boris, "CANCEL");
      anna.cancel();
      boris.reply(await cancelled, "200 OK");
      boris.reply(invite, "487 Request Terminated");
      await final;
      await stage.event("CHANNEL_HANGUP_COMPLETE", 2);
    },
  },
  ...([["offline", "dora"], ["unknown", "999"]] as const).map(([name, to]): Scene => ({
    name,
    async play(stage) {
      await (await stage.client("anna")).invite(to, offer("sendrecv"));
      await stage.event("CHANNEL_HANGUP_COMPLETE");
    },
  })),
];
