import { afterAll, afterEach, beforeAll, describe, expect, it, inject } from "vitest";
import { OwnLeases } from "../../app/server/switch/leases.ts";
import { answer, offer } from "../support/scenes.ts";
import { until } from "../support/until.ts";
import { Desk } from "./desk.ts";
import type { Person } from "./directory.ts";
import { SipClient, type Dialog } from "./sip-client.ts";
import { aptSource, dockerRun, domain, removeLeftovers, skipReason, Stack, type Switch, useDeployed } from "./stack.ts";

const pairs = 20;
const people: Person[] = Array.from({ length: 2 * pairs }, (_, index) => ({ name: `p${index}`, extension: String(200 + index), authName: `p${index}~1`, password: `of p${index}` }));
const typed = ["Content-Type: application/sdp"];

/** A device that speaks SIP and no media: answers whatever rings, unless it is told not to. */
class Device {
  readonly person: Person;
  readonly calls: { dialog: Dialog; id: string; auto: boolean }[] = [];
  byes = 0;
  rings = true;
  refusal: string | undefined;
  readonly client: SipClient;

  private constructor(person: Person, client: SipClient) {
    this.person = person;
    this.client = client;
    this.#listen();
  }

  static async at(url: string, person: Person): Promise<Device> {
    const device = new Device(person, await SipClient.connect(url, { domain, name: person.name, authName: person.authName, password: person.password }));
    // A switch that has just started asks the directory for everybody at once: a page tries again, too.
    await until("a registration", async () => (await device.client.register()).status === 200);
    return device;
  }

  /** Calls; resolves once it is answered. */
  async call(to: string): Promise<void> {
    const response = await this.client.invite(to, offer("sendrecv"));
    expect(response.status).toBe(200);
    this.calls.push({ dialog: this.client.dialled(response), id: "", auto: false });
  }

  async hangUp(): Promise<void> {
    await this.client.within(this.calls.at(-1)!.dialog, "BYE");
  }

  #listen(): void {
    this.client.next("a request", ({ start }) => /^(INVITE|BYE|CANCEL) /.test(start), 600_000).then((request) => {
      this.#listen();
      if (request.start.startsWith("BYE")) this.byes++;
      if (!request.start.startsWith("INVITE")) return this.client.reply(request, "200 OK");
      const header = (name: string) => request.headers.get(name)?.[0] ?? "";
      if (this.refusal !== undefined) return this.client.reply(request, this.refusal);
      if (!/;tag=/.test(header("to"))) this.calls.push({ dialog: this.client.answered(request), id: header("x-houseline-call"), auto: header("x-houseline-answer") === "auto" });
      if (this.rings) this.client.reply(request, "180 Ringing");
      this.client.reply(request, "200 OK", typed, answer(request));
    }, () => {});
  }
}

describe.skipIf(!aptSource)(`calls over FreeSWITCH by signalling alone, without media${skipReason && ` (skipped: ${skipReason})`}`, () => {
  let stack: Stack;
  let running: Switch;
  const desks: Desk[] = [];
  const devices: Device[] = [];
  const leases = new OwnLeases();

  beforeAll(async () => {
    await removeLeftovers();
    useDeployed(inject("deployed"));
    stack = await Stack.create(people);
    running = await stack.start();
    await running.healthy();
    // Two servers, as in an upgrade, that agree by leases on who acts.
    for (const holder of ["one", "two"]) desks.push(new Desk(stack, people, { leases, holder }));
    for (const desk of desks) await desk.open();
  });
  afterAll(async () => {
    for (const desk of desks) desk.close();
    for (const { client } of devices) client.close();
    await stack?.close();
  });
  afterEach(async () => {
    for (const { client } of devices.splice(0)) client.close();
    await running.command("hupall").catch(() => undefined);
    for (const desk of desks) {
      for (const call of desk.telephony.calls.all) desk.telephony.calls.finish(call, "failed");
      desk.told.length = 0;
    }
  });

  const channels = async () => Number(/^(\d+) total/m.exec(await running.command("show channels"))?.[1]);
  async function device(index: number, slot = 0): Promise<Device> {
    const made = await Device.at(stack.url(slot), people[index]!);
    devices.push(made);
    return made;
  }
  const everyDesk = (what: string, holds: (desk: Desk) => boolean, milliseconds?: number) => until(what, () => desks.every(holds), milliseconds);
  const only = (desk: Desk) => desk.telephony.calls.all.map(({ id, state }) => [id, state]);
  const bridged = async (call: string) => {
    const legs = [...desks[0]!.telephony.calls.get(call)?.legs.values() ?? []];
    return legs.length === 2 && legs[0]!.peer === legs[1]!.uuid && legs[1]!.peer === legs[0]!.uuid;
  };

  async function talk(caller: Device, callee: Device): Promise<string> {
    await caller.call(callee.person.name);
    await everyDesk("the call", ({ telephony }) => telephony.calls.of(caller.person.name).some(({ state }) => state === "answered"));
    return desks[0]!.telephony.calls.of(caller.person.name)[0]!.id;
  }

  it("a device that comes again after a reload is rung by one of the two servers, and both have the same call", async () => {
    const [anna, boris] = [await device(0), await device(1)];
    const call = await talk(anna, boris);
    expect(boris.calls[0]!.id).toBe(call);
    anna.client.close();
    const again = await device(0);
    await until("an INVITE", () => again.calls.length > 0);
    expect(again.calls).toMatchObject([{ id: call, auto: true }]);
    await until("the two connected", () => bridged(call));
    await until("two legs", async () => await channels() === 2);
    for (const desk of desks) expect(only(desk)).toEqual([[call, "answered"]]);
    expect(again.calls).toHaveLength(1);
    expect(boris.byes).toBe(0);
    await boris.hangUp();
    await everyDesk("the end", ({ told }) => / ended hung-up$/.test(told.at(-1) ?? ""));
    await until("no legs", async () => await channels() === 0);
    expect(again.byes).toBe(1);
  });

  it("a device that declines to be brought back has hung up", async () => {
    const [anna, boris] = [await device(0), await device(1)];
    await talk(anna, boris);
    anna.client.close();
    const again = await Device.at(stack.url(0), people[0]!).then((made) => { made.refusal = "603 Decline"; devices.push(made); return made; });
    await everyDesk("the end", ({ told }) => / ended hung-up$/.test(told.at(-1) ?? ""));
    await until("boris to be told", () => boris.byes === 1);
    await until("no legs", async () => await channels() === 0);
    expect(again.calls).toEqual([]);
  });

  it("a server that is started later has the same calls with the same ids", async () => {
    const [anna, boris] = [await device(0), await device(1)];
    const call = await talk(anna, boris);
    const late = new Desk(stack, people);
    try {
      await late.open();
      await until("the call and its devices", () => late.telephony.calls.get(call) !== undefined && late.call.participants!.every(({ device }) => device !== undefined));
      expect(late.call).toMatchObject({ id: call, state: "answered", caller: { user: "p0" }, callee: { user: "p1" } });
      expect(late.call.participants!.map(({ user, device }) => [user, device])).toEqual(desks[0]!.call.participants!.map(({ user, device }) => [user, device]));
      await late.ask("p1", "hangup", { call });
      await until("the end", () => anna.byes + boris.byes === 2);
    } finally {
      late.close();
    }
  });

  it(`a switch that is killed under ${pairs} calls: all of them go on in the next, each once`, async () => {
    const first = [];
    for (let index = 0; index < 2 * pairs; index++) first.push(await device(index));
    const calls: string[] = [];
    for (let pair = 0; pair < pairs; pair++) calls.push(await talk(first[2 * pair]!, first[2 * pair + 1]!));
    const next = await stack.start();
    await next.healthy();
    const slot = await next.slot();
    await until("both switches", () => desks.every(({ switches }) => switches.all.filter(({ ready }) => ready).length === 2));
    for (const { telephony } of desks) await telephony.renewLeases();
    const killed = Date.now();
    await dockerRun("kill", "--signal", "KILL", running.name);
    running = next;
    await everyDesk("every call to be rescued", ({ telephony }) => telephony.calls.all.every(({ state }) => state === "rescuing"));
    const second = await Promise.all(people.map((_, index) => device(index, slot)));
    for (const call of calls) await until(`call ${call}`, () => bridged(call));
    console.log(`the last of ${pairs} calls was connected ${Date.now() - killed} ms after the kill`);
    for (const desk of desks) expect(new Set(desk.telephony.calls.all.map(({ id, state }) => `${id} ${state}`))).toEqual(new Set(calls.map((id) => `${id} answered`)));
    expect(await channels()).toBe(2 * pairs);
    for (const { calls: taken } of second) expect(taken).toHaveLength(1);
    for (let pair = 0; pair < pairs; pair++) await second[2 * pair]!.hangUp();
    await everyDesk("every call to end", ({ telephony }) => telephony.calls.all.length === 0);
    await until("no legs", async () => await channels() === 0);
  });
});
