import { performance } from "node:perf_hooks";
import { Agent, tokenFor } from "./agent.ts";
import { remoteAddressesOf } from "./candidates.ts";
import { Deployment } from "./deployment.ts";
import { docker, nextRelease, type Seen } from "./docker.ts";
import { hear, longestGap } from "./heard-gap.ts";
import { MediaProcess, type Media } from "./media.ts";
import { PeopleGroup } from "./people-group.ts";
import { Phones, type Phone } from "./phones.ts";
import { until } from "./until.ts";
import { Wire, type Packets } from "./wire.ts";

const secret = "a-shared-secret-of-the-tests-32-characters";
/** Milliseconds without a voice after which people take a call for dead. */
const cutMs = 2_000;
const hz = { anna: 440, clara: 1_100, fedor: 1_500 } as const;
/** Of who calls Anna, who speaks in the room that is heard in Chromium, and who calls Fedor and puts him on hold. */
const callerHz = 700;
const speakerHz = 1_900;
const holderHz = 2_300;

export interface Size {
  /** Calls of light agents, with their media in plain RTP: to the echo, and two to a room. */
  light: number;
  /** People who are signed in and call each other now and then, one call begins each second. */
  clients: number;
}

/** What an upgrade, or nothing, did to the people of a scene. */
export interface Outcome {
  /** Seconds that what was done took. */
  took: number;
  /** Milliseconds for which the process that speaks for light agents could not run: no gap of theirs means anything below it. */
  stalled: number;
  callsLost: number;
  /** Calls of which nothing was heard for two seconds or longer, also when they came back by themselves. */
  callsCut: number;
  /** Milliseconds: the longest for which the switch kept a light agent's voice that it had, was silent in a room, or sent no music, by when packets left it. */
  switchGap: number;
  /** Milliseconds: of a voice heard in Chromium, in a call of two and in a room, and of packets that came to light agents. */
  heardGap: number;
  heardRoomGap: number;
  /** Milliseconds: the longest for which who speaks in that room sent nothing. What a room lacks it can't make up for, as the ear of a call of two does. */
  roomPause: number;
  /** Milliseconds: the longest for which one of the browsers that speak sent nothing, for want of a processor or because it had lost its call. */
  browserPause: number;
  lightGap: number;
  newCalls: number;
  newCallsFailed: number;
  /** How they ended: the final status, 0 where none came, or an error. */
  failures: string[];
  /** Milliseconds from when somebody was told of another switch to their registration there, of whoever waited longest. */
  registered: number;
  /** Events that a session was not told, or was told twice; the longest that one was without its server, in milliseconds. */
  eventsLost: number;
  eventsDoubled: number;
  longestAway: number;
  /** Milliseconds of the longest time in which nobody could have signed in. */
  unready: number;
  /** Messages: sent and acknowledged, acknowledged and not there, there twice; requests that ended in an error that says nothing of trying again. */
  messages: number;
  messagesLost: number;
  messagesDoubled: number;
  wrongErrors: number;
  errors: string[];
}

/** People in calls at FreeSWITCH: three calls heard in Chromium (a talk, a room, one on hold), the others and everybody signed in by light agents. */
export class LoadedScene {
  readonly deployment: Deployment;
  readonly #phones: Phones;
  readonly #group: PeopleGroup | undefined;
  readonly heard: Phone[] = [];
  readonly #talkers: { agent: Agent; media: Media; isInRoom: boolean }[] = [];
  /** Who speaks to somebody in Chromium: to Anna, to the room, and before the call was put on hold. */
  readonly #partners: Agent[] = [];
  #speaker: Media | undefined;
  readonly #everybody: Agent[] = [];
  readonly #voices: MediaProcess;
  readonly #clients: Agent[] = [];
  readonly made: string[] = [];
  #before: Seen[] = [];

  private constructor(deployment: Deployment, phones: Phones, group: PeopleGroup | undefined) {
    this.deployment = deployment;
    this.#phones = phones;
    this.#group = group;
    this.#voices = new MediaProcess();
  }

  /** @param instead puts something else in the place of what was deployed, before anybody signs in */
  static async open(size: Size, instead: (deployment: Deployment) => Promise<void> = async () => {}): Promise<LoadedScene> {
    const deployment = await Deployment.prepare({ switch: { kind: "freeswitch" }, signIn: { jwtSecret: secret }, drainSeconds: 3_600 });
    await deployment.up();
    const group = PeopleGroup.join();
    const scene = new LoadedScene(deployment, await Phones.create(group?.browsers), group);
    try {
      scene.#before = await deployment.containers();
      await instead(deployment);
      await scene.#fill(size);
    } catch (error) {
      await scene.end();
      throw error;
    }
    return scene;
  }

  async end(): Promise<void> {
    for (const agent of this.#everybody) agent.close();
    this.#voices.close();
    await this.#phones.close();
    this.#group?.leave();
    await this.deployment.remove();
    for (const image of this.made) await docker("rmi", "--force", image).catch(() => undefined);
  }

  container(role: string): Seen {
    return this.#before.find((one) => one.role === role)!;
  }

  /** Another release of some of the images, made before the scene: what is measured is the upgrade alone. */
  async nextImages(...roles: ("freeswitch" | "app-server" | "softswitch-edge")[]): Promise<Record<string, string>> {
    return Object.fromEntries(await Promise.all(roles.map(async (role) => {
      const tag = `houseline/${role}:${this.deployment.stack}-${this.made.length}`;
      this.made.push(tag);
      return [role, await nextRelease(this.container(role).image, tag)] as const;
    })));
  }

  /** Watches everybody while something is done, and for as long after as it takes them to settle. */
  async during(work: () => Promise<void>, seconds: number): Promise<Outcome> {
    const [anna, clara, fedor] = this.heard as [Phone, Phone, Phone];
    const transfer = await this.#toTransfer();
    const agents = this.#agents;
    for (const { control } of agents) control.longestAway = 0;
    const counts = () => agents.reduce((sum, { control }) => ({ lost: sum.lost + control.lost, doubled: sum.doubled + control.doubled }), { lost: 0, doubled: 0 });
    const before = counts();
    const ears = [[anna, callerHz], [clara, speakerHz], [fedor]] as const;
    await Promise.all(ears.map(([{ page }, hz]) => hear(page, hz)));
    await Promise.all(this.#talkers.map(({ media }) => media.longestGap()));
    await this.#voices.stalled();
    const [annaPort, claraPort, heldPort] = (await Promise.all(this.heard.map(remoteAddressesOf))).map(({ port }) => port) as [number, number, number];
    const wire = await Wire.listen(this.deployment.ports.rtp!);
    const began = performance.now();
    let isOver = false;
    const calling = this.#callEachOther(() => isOver);
    const writing = this.#write(() => isOver);
    const knocking = this.#knock(() => isOver);
    let [took, transferred] = [0, false];
    let packets: Packets;
    try {
      [took, transferred] = await Promise.all([work().then(() => performance.now() - began), transfer().then(() => true, () => false)]);
      // Whoever is at an old application server is watched until it is gone; a switch stays for its calls, an edge for whoever is just calling.
      await until("one application server", async () => {
        const running = (await this.deployment.containers()).filter(({ role, state }) => role === "app-server" && state === "running");
        // Docker's client, asked without a pause, would be half a processor.
        return running.length <= 1 || new Promise<false>((resolve) => setTimeout(resolve, 1_000, false));
      }, 60_000);
      const end = Math.max(began + seconds * 1_000, performance.now() + 5_000);
      await until("the end of the time", () => performance.now() > end, end - performance.now() + 1_000);
    } finally {
      isOver = true;
      packets = await wire.heard();
    }
    const [calls, messages, unready] = await Promise.all([calling, writing, knocking]);
    const moved = agents.filter(({ askedAt }) => askedAt > began);
    await until("everybody registered", () => agents.every(({ registered }) => registered), 60_000);
    const [stalled, lightGaps, gaps] = await Promise.all([
      this.#voices.stalled(), Promise.all(this.#talkers.map(({ media }) => media.longestGap())), Promise.all(ears.map(([{ page }]) => longestGap(page))),
    ]);
    const silent = await this.#silent();
    const after = counts();
    const inCalls = await Promise.all(this.heard.map((phone) => phone.page.evaluate(() => window.houseline.calls.length)));
    const unheard = inCalls.filter((count) => count !== 1).length;
    return {
      took: Math.round(took / 100) / 10, stalled,
      callsLost: unheard + this.#talkers.filter(({ agent }) => agent.lost || silent.has(agent)).length + this.#partners.filter(({ lost }) => lost).length + Number(!transferred),
      callsCut: Math.max(unheard, gaps.filter((gap) => gap >= cutMs).length) + lightGaps.filter((gap) => gap >= cutMs).length + Number(!transferred),
      switchGap: Math.max(
        packets.nothing(heldPort), ...this.#talkers.map(({ media: { switchPort }, isInRoom }) => (isInRoom ? packets.silence(switchPort) : packets.kept(switchPort, switchPort))),
      ),
      heardGap: gaps[0]!, heardRoomGap: gaps[1]!, roomPause: packets.pause(this.#speaker!.switchPort), browserPause: Math.max(packets.pause(annaPort), packets.pause(claraPort)),
      lightGap: Math.max(0, ...lightGaps), unready,
      ...calls, ...messages,
      registered: Math.round(Math.max(0, ...moved.map(({ askedAt, registeredAt }) => registeredAt - askedAt))),
      eventsLost: after.lost - before.lost, eventsDoubled: after.doubled - before.doubled, longestAway: Math.round(Math.max(...agents.map(({ control }) => control.longestAway))),
    };
  }

  /** Everybody hangs up; seconds until the switch that was replaced is gone, and its exit code. */
  async hangUp(old: Seen): Promise<{ seconds: number; code: number }> {
    await Promise.all([...this.#talkers.map(({ agent }) => agent), ...this.#partners].map((agent) => agent.hangUp()));
    await Promise.all(this.heard.map((phone) => phone.page.evaluate(() => window.houseline.calls.forEach((call) => call.hangup()))));
    const began = performance.now();
    const gone = await until("the old switch gone", async () => (await this.deployment.containers()).find((one) => one.id === old.id && one.state === "exited"), 60_000);
    return { seconds: (performance.now() - began) / 1_000, code: gone.exitCode };
  }

  get #agents(): Agent[] {
    return [...this.#clients, ...this.#talkers.map(({ agent }) => agent)];
  }

  /** Agents to whom nothing comes any more. */
  async #silent(): Promise<Set<Agent>> {
    await Promise.all(this.#talkers.map(({ media }) => media.longestGap()));
    await new Promise((resolve) => setTimeout(resolve, 500));
    const gaps = await Promise.all(this.#talkers.map(async ({ agent, media }) => [agent, await media.longestGap()] as const));
    return new Set(gaps.filter(([, gap]) => gap >= 400).map(([agent]) => agent));
  }

  /** Asks the application server for something again and again; milliseconds of the longest time in which it did not answer. */
  async #knock(isOver: () => boolean): Promise<number> {
    let [answered, longest] = [performance.now(), 0];
    while (!isOver()) {
      const response = await fetch(`${this.deployment.page}api/people`, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
      if (response && response.status < 500) {
        longest = Math.max(longest, performance.now() - answered);
        answered = performance.now();
      }
      await response?.arrayBuffer().catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return Math.round(Math.max(longest, performance.now() - answered));
  }

  async #enter(user: string): Promise<Agent> {
    const agent = await Agent.enter(user, { page: this.deployment.page, secret, voices: this.#voices });
    this.#everybody.push(agent);
    return agent;
  }

  /** Somebody rings somebody up; returns what transfers the call to the echo, waits for the voice at the other end, and hangs up. */
  async #toTransfer(): Promise<() => Promise<void>> {
    const [agent, by] = await Promise.all(["rings", "transfers"].map((what) => this.#enter(`${what}${this.#everybody.length}`))) as [Agent, Agent];
    await until("a registration", () => agent.registered && by.registered);
    const media = await agent.talkTo(by.user);
    return async () => {
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      await by.transfer("9196");
      await until("the voice of whoever was transferred", async () => await media.longestGap() < 200);
      await agent.hangUp();
    };
  }

  async #fill({ light, clients }: Size): Promise<void> {
    for (const [name, tone] of Object.entries(hz)) {
      const phone = await this.#phones.open(this.deployment.page, tone);
      await phone.page.evaluate((token) => window.houseline.loginWithToken(token), await tokenFor(name, secret));
      await phone.ready();
      this.heard.push(phone);
    }
    const [anna, clara, fedor] = this.heard as [Phone, Phone, Phone];
    const enter = (user: string) => this.#enter(user);
    for (let index = 0; index < clients; index += 10) {
      this.#clients.push(...await Promise.all(Array.from({ length: Math.min(10, clients - index) }, (_, n) => enter(`client${index + n}`))));
    }
    await until("everybody registered", () => this.#clients.every(({ registered }) => registered), 60_000);
    for (let index = 0; index < light; index++) {
      const agent = await enter(`talker${index}`);
      await until("a registration", () => agent.registered);
      const isInRoom = index < 2;
      this.#talkers.push({ agent, isInRoom, media: await agent.talkTo(isInRoom ? "room-light" : "9196") });
    }
    const [caller, speaker, holder] = await Promise.all([enter("boris"), enter("dmitri"), enter("eva")]);
    this.#partners.push(caller, speaker, holder);
    await until("a registration", () => this.#partners.every(({ registered }) => registered));
    await Promise.all([caller.talkTo("anna", callerHz), anna.button("Answer").click()]);
    await until("who calls", async () => await anna.level(callerHz) > -55);
    await clara.page.evaluate(() => { window.houseline.call("room-load"); });
    this.#speaker = await speaker.talkTo("room-load", speakerHz);
    await until("who speaks in the room", async () => await clara.level(speakerHz) > -55);
    await Promise.all([holder.talkTo("fedor", holderHz), fedor.button("Answer").click()]);
    // A hold in the first moments of a call has no music. (docs/softswitch.md)
    await until("who calls", async () => await fedor.level(holderHz) > -55);
    await holder.hold();
    await fedor.hearsMusic();
    // What browsers listen to for nothing, and draw for nobody, would be half a processor.
    await Promise.all(this.heard.map(async (phone) => {
      await phone.stopListening();
      await phone.page.evaluate(() => { document.documentElement.style.display = "none"; });
    }));
  }

  /** One call begins each second, until it is over. */
  async #callEachOther(isOver: () => boolean): Promise<{ newCalls: number; newCallsFailed: number; failures: string[] }> {
    const running: Promise<string>[] = [];
    for (let n = 0; !isOver(); n++) {
      const [from, to] = [this.#clients[(2 * n) % this.#clients.length]!, this.#clients[(2 * n + 1) % this.#clients.length]!];
      running.push(from.briefly(to.user).then(String, (error: Error) => error.message));
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    const failures = (await Promise.all(running)).filter((how) => how !== "200");
    return { newCalls: running.length, newCallsFailed: failures.length, failures };
  }

  /** Messages one after another; what fails in a way that may be tried again is, under the same id. */
  async #write(isOver: () => boolean): Promise<Pick<Outcome, "messages" | "messagesLost" | "messagesDoubled" | "wrongErrors" | "errors">> {
    const [from, to] = this.#clients as [Agent, Agent];
    const mark = `${performance.now()}`;
    const acknowledged: string[] = [];
    const errors: string[] = [];
    for (let n = 0; !isOver(); n++) {
      const body = `${mark} ${n}`;
      for (let sent = false; !sent;) {
        try {
          await from.control.request("sendMessage", { to: to.user, body, clientId: body });
          acknowledged.push(body);
          sent = true;
        } catch (error) {
          if ((error as { code?: string }).code !== "unavailable") {
            errors.push((error as Error).message);
            sent = true;
          }
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const kept: string[] = [];
    for (let before: number | undefined; ;) {
      const { messages } = await until("the messages", () => from.control.request("listMessages", { with: to.user, limit: 100, ...(before === undefined ? {} : { before }) })
        .catch(() => undefined), 30_000) as { messages: { id: number; body: string }[] };
      kept.push(...messages.map(({ body }) => body).filter((body) => body.startsWith(mark)));
      if (messages.length < 100) break;
      before = messages.at(-1)!.id;
    }
    return { messages: acknowledged.length, messagesLost: acknowledged.filter((body) => !kept.includes(body)).length, messagesDoubled: kept.length - new Set(kept).size, wrongErrors: errors.length, errors };
  }
}
