import { createSocket, type Socket } from "node:dgram";
import { SignJWT } from "jose";
import type { SipAccount } from "../../app/protocol/wire.ts";
import { SipClient, type Dialog } from "../freeswitch/sip-client.ts";
import { answer } from "./scenes.ts";
import { Subscriber } from "./subscriber.ts";

const typed = ["Content-Type: application/sdp"];
const frameMs = 20;

/** Signs somebody in as a company's application would (HS256, docs/sign-in.md). */
export async function tokenFor(user: string, secret: string): Promise<string> {
  return new SignJWT({ user, name: `The ${user}` }).setProtectedHeader({ alg: "HS256" }).setExpirationTime("10m").sign(new TextEncoder().encode(secret));
}

/** A person without a browser: a session with the application server, and a registration that follows what it says. Answers whatever rings. */
export class Agent {
  readonly user: string;
  readonly control: Subscriber;
  /** When the newest registration was asked for, and when the switch had taken it. (performance.now) */
  askedAt = 0;
  registeredAt = 0;
  url = "";
  #client: SipClient | undefined;
  #account: SipAccount | null = null;
  #talking: { client: SipClient; dialog: Dialog; media: Media } | undefined;
  readonly #all = new Set<SipClient>();
  /** Lines over which a short call is made, or is answered, just now. */
  readonly #busy = new Map<SipClient, number>();
  /** The call that it is in was ended by somebody else. */
  lost = false;

  private constructor(user: string, control: Subscriber) {
    this.user = user;
    this.control = control;
    control.onSip = (account) => void this.#register(account);
  }

  static async enter(user: string, { page, secret }: { page: string; secret: string }): Promise<Agent> {
    const agent = new Agent(user, new Subscriber(await tokenFor(user, secret), [`${page.replace(/^http/, "ws")}ws`], new URL(page).origin));
    await agent.control.signIn();
    return agent;
  }

  get registered(): boolean {
    return this.registeredAt >= this.askedAt && this.registeredAt > 0;
  }

  /** A call whose media is sent and counted here; to the echo it comes back. */
  async talkTo(number: string): Promise<Media> {
    const client = this.#client!;
    const media = await Media.open();
    const response = await client.invite(number, media.offer);
    if (response.status !== 200) throw new Error(`${this.user} called ${number}: ${response.start}`);
    media.begin(response.body);
    this.#talking = { client, dialog: client.dialled(response), media };
    return media;
  }

  /** Rings somebody up, and hangs up a moment after the answer; resolves with the final status. */
  async briefly(to: string): Promise<number> {
    const client = this.#client!;
    const media = await Media.open();
    this.#busy.set(client, (this.#busy.get(client) ?? 0) + 1);
    try {
      const response = await client.invite(to, media.offer);
      if (response.status !== 200) return response.status;
      await new Promise((resolve) => setTimeout(resolve, 500));
      await client.within(client.dialled(response), "BYE");
      return 200;
    } finally {
      media.close();
      this.#idle(client);
    }
  }

  async hangUp(): Promise<void> {
    if (!this.#talking) return;
    const { client, dialog, media } = this.#talking;
    this.#talking = undefined;
    media.close();
    await client.within(dialog, "BYE");
  }

  close(): void {
    this.#talking?.media.close();
    this.control.close();
    for (const client of this.#all) client.close();
  }

  /** As the library: another switch, another line; the one before stays for its call. */
  async #register(account: SipAccount | null): Promise<void> {
    if (!account || (account.url === this.#account?.url && account.user === this.#account.user && account.password === this.#account.password)) return;
    this.#account = account;
    this.askedAt = performance.now();
    for (let attempt = 0; this.#account === account && attempt < 20; attempt++) {
      try {
        const client = await SipClient.connect(account.url, { domain: account.domain, name: this.user, authName: account.user, password: account.password });
        this.#all.add(client);
        this.#listen(client);
        if ((await client.register(300)).status !== 200) throw new Error("refused");
        const before = this.#client;
        this.#client = client;
        this.#closeWhenIdle(before);
        this.url = account.url;
        this.registeredAt = performance.now();
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  }

  #idle(client: SipClient): void {
    this.#busy.set(client, Math.max(0, (this.#busy.get(client) ?? 0) - 1));
    if (client !== this.#client) this.#closeWhenIdle(client);
  }

  #closeWhenIdle(client: SipClient | undefined): void {
    if (client && client !== this.#talking?.client && !this.#busy.get(client)) client.close();
  }

  #listen(client: SipClient): void {
    client.next("a request", ({ start }) => /^(INVITE|BYE|CANCEL) /.test(start), 3_600_000).then((request) => {
      this.#listen(client);
      const again = this.#talking && request.headers.get("call-id")?.[0] === this.#talking.dialog.callId;
      if (request.start.startsWith("INVITE") && again) return client.reply(request, "200 OK", typed, this.#talking!.media.offer);
      if (request.start.startsWith("INVITE")) {
        this.#busy.set(client, (this.#busy.get(client) ?? 0) + 1);
        return client.reply(request, "200 OK", typed, answer(request));
      }
      if (request.start.startsWith("BYE") && request.headers.get("call-id")?.[0] === this.#talking?.dialog.callId) this.lost = true;
      else if (request.start.startsWith("BYE")) setTimeout(() => this.#idle(client), 100);
      client.reply(request, "200 OK");
    }, () => {});
  }
}

/** Voice of one side in plain RTP (RFC 3550, PCMU), and the longest time in which nothing came. */
export class Media {
  readonly #socket: Socket;
  readonly #packet = Buffer.alloc(172, 0x55);
  #timer: NodeJS.Timeout | undefined;
  #last = 0;
  #longest = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("message", () => {
      const now = performance.now();
      if (this.#last > 0) this.#longest = Math.max(this.#longest, now - this.#last);
      this.#last = now;
    });
  }

  static async open(): Promise<Media> {
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    return new Media(socket);
  }

  get offer(): string {
    return ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", `m=audio ${this.#socket.address().port} RTP/AVP 0`, "a=rtpmap:0 PCMU/8000", "a=ptime:20", "a=sendrecv", ""].join("\r\n");
  }

  /** @param body the switch's answer */
  begin(body: string): void {
    const port = Number(/^m=audio (\d+)/m.exec(body)?.[1]);
    const begun = performance.now();
    let sent = 0;
    this.#packet.writeUInt16BE(0x8000, 0);
    // Catches up when a tick comes late.
    this.#timer = setInterval(() => {
      for (const due = (performance.now() - begun) / frameMs; sent < due; sent++) {
        this.#packet.writeUInt16BE(sent & 0xffff, 2);
        this.#packet.writeUInt32BE((sent * 160) >>> 0, 4);
        this.#socket.send(this.#packet, port, "127.0.0.1");
      }
    }, frameMs / 2);
  }

  /** Milliseconds of the longest silence since the last look, up to now; counts anew. */
  longestGap(): number {
    const now = performance.now();
    const longest = Math.max(this.#longest, this.#last === 0 ? Infinity : now - this.#last);
    this.#longest = 0;
    return Math.round(longest);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#socket.close();
  }
}
