import { SignJWT } from "jose";
import type { SipAccount } from "../../app/protocol/wire.ts";
import { SipClient, type Dialog } from "../freeswitch/sip-client.ts";
import type { Media, MediaProcess } from "./media.ts";
import { answer } from "./scenes.ts";
import { Subscriber } from "./subscriber.ts";

const typed = ["Content-Type: application/sdp"];
/** Seconds that a registration lasts; it is refreshed after half of them. */
const registerExpires = 120;

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
  readonly #voices: MediaProcess;
  #client: SipClient | undefined;
  #account: SipAccount | null = null;
  /** The account is the one of its switch, which is spoken to about this call for as long as it lasts. */
  #talking: { client: SipClient; account: SipAccount; dialog: Dialog; media: Media } | undefined;
  /** The newest call that it was rung up for. */
  #answered: { client: SipClient; dialog: Dialog } | undefined;
  #refresh: NodeJS.Timeout | undefined;
  #isClosed = false;
  readonly #all = new Set<SipClient>();
  /** Lines over which a short call is made, or is answered, just now. */
  readonly #busy = new Map<SipClient, number>();
  /** The call that it is in was ended by somebody else. */
  lost = false;

  private constructor(user: string, control: Subscriber, voices: MediaProcess) {
    this.user = user;
    this.control = control;
    this.#voices = voices;
    control.onSip = (account) => void this.#register(account);
  }

  static async enter(user: string, { page, secret, voices }: { page: string; secret: string; voices: MediaProcess }): Promise<Agent> {
    const agent = new Agent(user, new Subscriber(await tokenFor(user, secret), [`${page.replace(/^http/, "ws")}ws`], new URL(page).origin), voices);
    await agent.control.signIn();
    return agent;
  }

  get registered(): boolean {
    return this.registeredAt >= this.askedAt && this.registeredAt > 0;
  }

  /** A call whose media is sent and counted here; to the echo it comes back. */
  async talkTo(number: string, hz?: number): Promise<Media> {
    const [client, account] = [this.#client!, this.#account!];
    const media = await this.#voices.open(hz);
    const response = await client.invite(number, media.sdp());
    if (response.status !== 200) throw new Error(`${this.user} called ${number}: ${response.start}`);
    await media.begin(response.body);
    this.#talking = { client, account, dialog: client.dialled(response), media };
    return media;
  }

  /** Rings somebody up, and hangs up a moment after the answer; resolves with the final status. As the library: over a connection that is there or comes back, and once more if it is lost before the switch has heard of it. */
  async briefly(to: string, again = true): Promise<number> {
    const client = await this.#open();
    const account = this.#account!;
    const before = client.received.length;
    const media = await this.#voices.open();
    this.#busy.set(client, (this.#busy.get(client) ?? 0) + 1);
    try {
      const response = await Promise.race([client.invite(to, media.sdp()), client.closed.then(() => undefined)]);
      if (response === undefined) return again && !client.received.slice(before).some(({ status }) => status >= 100 && status < 200) ? await this.briefly(to, false) : 0;
      // The switch ends, and takes no call any more: its connections are about to close.
      if (response.status === 410 && again) {
        await Promise.race([client.closed, new Promise((resolve) => setTimeout(resolve, 2_000))]);
        return await this.briefly(to, false);
      }
      if (response.status !== 200) return response.status;
      await new Promise((resolve) => setTimeout(resolve, 500));
      await this.#bye(client, account, client.dialled(response)).catch(() => {});
      return 200;
    } finally {
      void media.close();
      this.#idle(client);
    }
  }

  /** Puts its call on hold. (RFC 3264, section 8.4) */
  async hold(): Promise<void> {
    const { client, dialog, media } = this.#talking!;
    const { status } = await client.within(dialog, "INVITE", typed, media.sdp("sendonly"));
    if (status !== 200) throw new Error(`${this.user} could not hold the call: ${status}`);
  }

  async hangUp(): Promise<void> {
    if (!this.#talking) return;
    const { client, account, dialog, media } = this.#talking;
    this.#talking = undefined;
    void media.close();
    await this.#bye(client, account, dialog);
  }

  async #bye(client: SipClient, account: SipAccount, dialog: Dialog): Promise<void> {
    if (client.isOpen && await Promise.race([client.within(dialog, "BYE"), client.closed.then(() => undefined)])) return;
    // An edge was replaced under the call: by another one to the same switch.
    const again = await this.#connect(account);
    await again.within(dialog, "BYE");
    again.close();
  }

  /** The line, if need be when its connection is there again. */
  async #open(): Promise<SipClient> {
    for (const end = performance.now() + 5_000; !this.#client!.isOpen && performance.now() < end; await new Promise((resolve) => setTimeout(resolve, 20)));
    return this.#client!;
  }

  /** Sends whoever rang it up to somewhere else. (RFC 3515; RFC 5589, blind transfer) */
  async transfer(to: string): Promise<void> {
    const { client, dialog } = this.#answered!;
    const { status } = await (client.isOpen ? client : await this.#open()).within(dialog, "REFER", [`Refer-To: <sip:${to}@${this.#account!.domain}>`]);
    if (status !== 202) throw new Error(`${this.user} could not transfer the call: ${status}`);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#refresh);
    this.control.close();
    for (const client of this.#all) client.close();
  }

  /** As the library: another switch, another line; the one before stays for its call. */
  async #register(account: SipAccount | null, again = false): Promise<void> {
    if (!account || (!again && account.url === this.#account?.url && account.user === this.#account.user && account.password === this.#account.password)) return;
    this.#account = account;
    this.askedAt = performance.now();
    for (let attempt = 0; this.#account === account && !this.#isClosed && attempt < 100; attempt++) {
      try {
        const client = await this.#connect(account);
        this.#all.add(client);
        this.#listen(client);
        const response = await Promise.race([client.register(registerExpires), client.closed]);
        if (response?.status !== 200) throw new Error("refused, or cut off");
        const before = this.#client;
        this.#client = client;
        this.#closeWhenIdle(before);
        this.url = account.url;
        this.registeredAt = performance.now();
        clearInterval(this.#refresh);
        this.#refresh = setInterval(() => void client.register(registerExpires).catch(() => client.close()), registerExpires * (400 + Math.random() * 100));
        void client.closed.then(() => { if (client === this.#client && !this.#isClosed) void this.#register(this.#account, true); });
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  }

  #connect(account: SipAccount): Promise<SipClient> {
    return SipClient.connect(account.url, { domain: account.domain, name: this.user, authName: account.user, password: account.password });
  }

  #idle(client: SipClient): void {
    this.#busy.set(client, Math.max(0, (this.#busy.get(client) ?? 0) - 1));
    if (client !== this.#client) this.#closeWhenIdle(client);
  }

  #closeWhenIdle(client: SipClient | undefined): void {
    const isIdle = () => client !== this.#talking?.client && !this.#busy.get(client!);
    if (!client || !isIdle()) return;
    // As the library: what the switch sent before it knew is answered still.
    void Promise.race([client.register(0), client.closed]).catch(() => {}).then(() => { if (isIdle()) client.close(); });
  }

  #listen(client: SipClient): void {
    client.next("a request", ({ start }) => /^(INVITE|BYE|CANCEL) /.test(start), 3_600_000).then((request) => {
      this.#listen(client);
      const again = this.#talking && request.headers.get("call-id")?.[0] === this.#talking.dialog.callId;
      if (request.start.startsWith("INVITE") && again) return client.reply(request, "200 OK", typed, this.#talking!.media.sdp());
      // Nobody rings it up then but the application server, which took it for lost with its connections: a page says that it has its call.
      if (request.start.startsWith("INVITE") && this.#talking) return client.reply(request, "486 Busy Here");
      if (request.start.startsWith("INVITE")) {
        this.#busy.set(client, (this.#busy.get(client) ?? 0) + 1);
        this.#answered = { client, dialog: client.answered(request) };
        return client.reply(request, "200 OK", typed, answer(request));
      }
      if (request.start.startsWith("BYE") && again) this.lost = true;
      else if (request.start.startsWith("BYE")) setTimeout(() => this.#idle(client), 100);
      client.reply(request, "200 OK");
    }, () => {});
  }
}
