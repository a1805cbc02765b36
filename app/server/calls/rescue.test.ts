import { EventEmitter } from "node:events";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { callRequests } from "../requests/calls.ts";
import type { EslCommand, EslNotice } from "../switch/commands.ts";
import { EslRefusal } from "../switch/esl-error.ts";
import type { SwitchEvent } from "../switch/esl-link.ts";
import { Registrations, type Registration } from "../switch/registrations.ts";
import type { Switches } from "../switch/switches.ts";
import { Calls } from "./calls.ts";
import { CallControl, type ControlContext } from "./control.ts";
import { Rescue } from "./rescue.ts";

const people = [{ user: "anna", name: "Anna", extension: "101" }, { user: "boris", name: "Boris", extension: "102" }];
const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;

/** What a rescue needs of FreeSWITCH: legs that are rung answer, are bridged, and end with the leg that they talk to unless they are to be parked. The real one is in test/freeswitch. */
class TestSwitch extends EventEmitter {
  readonly kind = "freeswitch";
  readonly ready = true;
  readonly coreUuid = "core";
  readonly registrations = new Registrations();
  /** Legs, each with whom it talks to. */
  readonly legs = new Map<string, string | undefined>();
  /** Whether the media of a leg arrives; and how much has. */
  readonly speaks = new Map<string, boolean>();
  /** Milliseconds after which somebody's device, once it has answered, hangs its old leg up by itself. */
  readonly hangsUpAfter = new Map<string, number>();
  /** Whose device has its call still, and says so. */
  readonly busy = new Set<string>();
  readonly #parks = new Set<string>();
  readonly #packets = new Map<string, number>();
  readonly link = { up: true, api: (command: EslCommand) => this.#run(command.line.split(" ")), background: (command: EslCommand) => this.#ring(command.line), fire: async (_: EslNotice) => {} };
  readonly #tell: (event: SwitchEvent) => void;

  constructor(tell: (event: SwitchEvent) => void) {
    super();
    this.#tell = tell;
  }

  register(user: string): Registration {
    return this.registrations.register({ "Event-Name": "CUSTOM", username: `${user}~x`, "profile-name": "houseline", contact: `"" <sip:of-${user}@1.invalid;transport=ws>` })!.registration;
  }

  /** A call of two that has been answered. */
  talk(first: string, second: string): void {
    this.#tell({ "Event-Name": "CHANNEL_CREATE", "Unique-ID": id(1), "Call-Direction": "inbound", "variable_sip_auth_username": `${first}~x`, "variable_sip_contact_user": `of-${first}`, "Caller-Destination-Number": second });
    this.#tell({ "Event-Name": "CHANNEL_CREATE", "Unique-ID": id(2), "Call-Direction": "outbound", "Channel-Presence-ID": `${second}@x`, "Other-Leg-Unique-ID": id(1), "Caller-Destination-Number": `of-${second}` });
    for (const leg of [id(1), id(2)]) this.#answer(leg);
    this.#join(id(1), id(2));
  }

  hangUp(leg: string, more: Record<string, string> = {}): void {
    if (!this.legs.has(leg)) return;
    const peer = this.legs.get(leg);
    this.legs.delete(leg);
    this.#tell({ "Event-Name": "CHANNEL_HANGUP_COMPLETE", "Unique-ID": leg, "Hangup-Cause": "NORMAL_CLEARING", ...more });
    if (peer === undefined || this.legs.get(peer) !== leg) return;
    if (this.#parks.has(peer)) this.legs.set(peer, undefined);
    else this.hangUp(peer);
  }

  #answer(leg: string): void {
    this.legs.set(leg, undefined);
    this.speaks.set(leg, true);
    this.#tell({ "Event-Name": "CHANNEL_ANSWER", "Unique-ID": leg });
  }

  #join(one: string, other: string): void {
    this.legs.set(one, other).set(other, one);
    this.#tell({ "Event-Name": "CHANNEL_BRIDGE", "Unique-ID": one, "Other-Leg-Unique-ID": other });
  }

  async #run([name = "", leg = "", what = "", value = ""]: string[]): Promise<string> {
    if (!this.legs.has(leg)) throw new EslRefusal(name, "No such channel!");
    if (what === "park_after_bridge") this.#parks[value === "true" ? "add" : "delete"](leg);
    if (name === "uuid_bridge") this.#join(leg, what);
    if (name === "uuid_kill") this.hangUp(leg, { "Hangup-Cause": what });
    if (what === "current_application") return "endless_playback";
    if (what !== "rtp_audio_in_packet_count") return "+OK";
    if (this.speaks.get(leg)) this.#packets.set(leg, (this.#packets.get(leg) ?? 0) + 50);
    return String(this.#packets.get(leg) ?? 0);
  }

  async #ring(line: string): Promise<string> {
    const value = (name: string) => new RegExp(`${name}=([^,}\\]]+)`).exec(line)?.[1] ?? "";
    const [leg, user] = [value("origination_uuid"), value("houseline_person")];
    if (this.busy.has(user)) throw new EslRefusal("originate", "USER_BUSY");
    this.#tell({ "Event-Name": "CHANNEL_CREATE", "Unique-ID": leg, "Call-Direction": "outbound", "variable_houseline_person": user, "variable_houseline_call": value("houseline_call"), "variable_houseline_role": value("houseline_role"), "Caller-Destination-Number": `of-${user}` });
    this.#answer(leg);
    const afterMs = this.hangsUpAfter.get(user);
    const hangUp = () => this.hangUp(user === "anna" ? id(1) : id(2), { variable_sip_hangup_disposition: "recv_bye" });
    if (afterMs === 0) hangUp();
    else if (afterMs !== undefined) setTimeout(hangUp, afterMs);
    return leg;
  }
}

let calls: Calls;
let home: TestSwitch;
/** The one that people are registered with once theirs is being replaced. */
let next: TestSwitch;
/** Which devices were asked for what. */
let asked: string[];
let switches: EventEmitter;
let rescue: Rescue;
let handlers: ReturnType<typeof callRequests>;

beforeEach(() => {
  vi.useFakeTimers();
  const find = (address: string) => people.find(({ user, extension }) => user === address || extension === address);
  calls = new Calls({ find, doNotDisturb: () => false }, { deviceOf: (account) => account.split("~")[0]!, accountAt: (at, instance) => (at as TestSwitch).registrations.byInstance(instance)?.account, rescues: () => true });
  home = new TestSwitch((event) => calls.take(home, event));
  next = new TestSwitch((event) => calls.take(next, event));
  asked = [];
  switches = Object.assign(new EventEmitter(), { all: [home, next], chosen: home });
  const control = new CallControl({ calls, switches: switches as Switches, domain: "x.internal", find, doNotDisturb: () => false, may: () => true, accountOf: (user: string) => `${user}~x`, ask: (wish: string, user: string, _device: string, _call: string, at: unknown) => asked.push(`${wish} ${user} ${at === home ? "home" : "next"}`), log: { info: () => {}, warn: () => {} } } as unknown as ControlContext);
  rescue = new Rescue(control, switches as Switches, { acts: () => true });
  handlers = callRequests(control, { lastCalled: () => undefined }, rescue);
  for (const { user } of people) home.register(user);
  home.talk("anna", "boris");
});
afterEach(() => {
  rescue.close();
  vi.useRealTimers();
});

const call = () => calls.get(id(1));
const moveHere = (user: string) => handlers.moveCall({ user, id: user, may: () => true }, { call: id(1) }).then(() => "moved", (error: Error) => error.message);
/** Who talks to whom, by what the switch has. */
const talking = () => [...home.legs].map(([leg, peer]) => [call()?.legs.get(leg)?.user, peer === undefined ? undefined : call()?.legs.get(peer)?.user].join("-")).sort();
/** Nothing arrives of anybody, and the server has noticed. */
async function goSilent(): Promise<void> {
  await vi.advanceTimersByTimeAsync(3_000);
  for (const leg of home.legs.keys()) home.speaks.set(leg, false);
  await vi.advanceTimersByTimeAsync(6_000);
  expect([call()?.state, [...call()!.rescuing.keys()].sort()]).toEqual(["rescuing", ["anna", "boris"]]);
}

test("two who vanished together, by a relay that died, are brought back by their own devices, one after the other", async () => {
  await goSilent();
  expect([await moveHere("anna"), talking()]).toEqual(["moved", ["anna-", "boris-"]]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await moveHere("boris")).toBe("moved");
  await vi.advanceTimersByTimeAsync(1_000);
  expect([call()?.state, talking()]).toEqual(["answered", ["anna-boris", "boris-anna"]]);
});

test("whoever is back first is not connected with what is left of the other's leg: it ends, and would take theirs along", async () => {
  await goSilent();
  home.hangsUpAfter.set("boris", 100).set("anna", 0);
  for (const user of ["boris", "anna"]) {
    switches.emit("registered", home, home.register(user), true);
    await vi.advanceTimersByTimeAsync(1_000);
  }
  expect([call()?.state, talking()]).toEqual(["answered", ["anna-boris", "boris-anna"]]);
});

test.each([["anna", "boris"], ["boris", "anna"]])("of two who were silent for a moment one has the call still, and is not lost for the other's new leg: first %s", async (...order) => {
  await goSilent();
  home.busy.add("boris");
  for (const user of order) {
    if (user === "boris") home.speaks.set(id(2), true);
    switches.emit("registered", home, home.register(user), true);
    await vi.advanceTimersByTimeAsync(1_000);
  }
  await vi.advanceTimersByTimeAsync(3_000);
  expect([call()?.state, talking(), home.legs.has(id(2))]).toEqual(["answered", ["anna-boris", "boris-anna"], true]);
});

test("whose device says that its media is gone is missed at once, also when nothing ever came from it", async () => {
  await vi.advanceTimersByTimeAsync(1_600);
  home.speaks.set(id(1), false);
  expect(await moveHere("anna")).toBe("moved");
  await vi.advanceTimersByTimeAsync(1_500);
  expect([...call()!.rescuing.keys()]).toEqual(["anna"]);
  expect(await moveHere("anna")).toBe("moved");
  const { uuid } = call()!.legsOf("anna")[0]!;
  home.speaks.set(uuid, false);
  await vi.advanceTimersByTimeAsync(6_000);
  expect(call()?.state).toBe("answered");
  expect(await moveHere("anna")).toBe("moved");
  await vi.advanceTimersByTimeAsync(1_500);
  expect([...call()!.rescuing.keys()]).toEqual(["anna"]);
});

test("whose connection went and came back at once is not missed for a second in which its page stood still", async () => {
  await vi.advanceTimersByTimeAsync(1_600);
  home.speaks.set(id(1), false);
  switches.emit("unregistered", home, home.registrations.ofAccount("anna~x"));
  await vi.advanceTimersByTimeAsync(100);
  switches.emit("registered", home, home.register("anna"), false);
  for (let look = 0; look < 12; look++) {
    await vi.advanceTimersByTimeAsync(100);
    expect(call()?.state).toBe("answered");
  }
  home.speaks.set(id(1), true);
  await vi.advanceTimersByTimeAsync(3_000);
  home.speaks.set(id(1), false);
  switches.emit("unregistered", home, home.registrations.ofAccount("anna~x"));
  await vi.advanceTimersByTimeAsync(1_300);
  expect([...call()!.rescuing.keys()]).toEqual(["anna"]);
});

test("whose device is heard all the same is not", async () => {
  await vi.advanceTimersByTimeAsync(1_600);
  expect(await moveHere("anna")).toBe("moved");
  await vi.advanceTimersByTimeAsync(6_000);
  expect([call()?.state, talking()]).toEqual(["answered", ["anna-boris", "boris-anna"]]);
});

test("also when nothing is left of their legs", async () => {
  await goSilent();
  for (const leg of [...home.legs.keys()]) home.hangUp(leg, { "Hangup-Cause": "MEDIA_TIMEOUT" });
  expect([call()?.state, call()?.legs.size]).toEqual(["rescuing", 0]);
  const [first, second] = [moveHere("boris"), moveHere("anna")];
  await vi.advanceTimersByTimeAsync(2_000);
  expect([await first, await second, call()?.state, talking()]).toEqual(["moved", "moved", "answered", ["anna-boris", "boris-anna"]]);
});

/** Everybody is registered with the next switch too, as while the one that has the call is being replaced. */
function replaceSwitch(): void {
  for (const { user } of people) switches.emit("registered", next, next.register(user), false);
}

test("a page that is loaded again while the switch of its call is being replaced comes back there: the other one is in no other", async () => {
  replaceSwitch();
  await vi.advanceTimersByTimeAsync(3_000);
  expect(asked).toEqual([]);
  home.speaks.set(id(1), false);
  switches.emit("unregistered", home, home.registrations.unregister({ "Event-Name": "CUSTOM", contact: '"" <sip:of-anna@1.invalid>' }));
  await vi.advanceTimersByTimeAsync(2_000);
  expect([[...call()!.rescuing.keys()], asked, next.legs.size]).toEqual([["anna"], ["line anna home"], 0]);
  switches.emit("registered", home, home.register("anna"), false);
  await vi.advanceTimersByTimeAsync(1_000);
  expect([call()?.state, talking(), next.legs.size]).toEqual(["answered", ["anna-boris", "boris-anna"], 0]);
});

test("a device that is registered elsewhere is asked to come to the switch of the call that it asks for, and told so when it does not", async () => {
  replaceSwitch();
  home.registrations.unregister({ "Event-Name": "CUSTOM", contact: '"" <sip:of-anna@1.invalid>' });
  const refused = moveHere("anna");
  await vi.advanceTimersByTimeAsync(5_000);
  expect([asked, await refused]).toEqual([["line anna home"], "That device is not registered with the switch that has the call."]);
  const moved = moveHere("anna");
  await vi.advanceTimersByTimeAsync(1_000);
  home.register("anna");
  await vi.advanceTimersByTimeAsync(1_000);
  expect([await moved, asked.length]).toEqual(["moved", 2]);
  // What is left of a page there is not taken for the page, as long as that may still come.
  const again = moveHere("anna");
  await vi.advanceTimersByTimeAsync(3_000);
  expect(asked.length).toBe(3);
  expect(await Promise.race([again, "waits"])).toBe("waits");
  home.register("anna");
  await vi.advanceTimersByTimeAsync(100);
  expect(await again).toBe("moved");
});

test("a page that stands still while people are registered with the next switch is not rung there: it goes on where it was", async () => {
  replaceSwitch();
  await vi.advanceTimersByTimeAsync(3_000);
  home.speaks.set(id(1), false);
  await vi.advanceTimersByTimeAsync(6_000);
  expect([[...call()!.rescuing.keys()], asked, next.legs.size]).toEqual([["anna"], [], 0]);
  home.speaks.set(id(1), true);
  await vi.advanceTimersByTimeAsync(3_000);
  expect([call()?.state, talking(), next.legs.size]).toEqual(["answered", ["anna-boris", "boris-anna"], 0]);
});
