import { createHash, randomUUID } from "node:crypto";
import type { Call, Permission, RequestName, ParamsInput, Result } from "../../app/protocol/wire.ts";
import { requests } from "../../app/protocol/wire.ts";
import type { Asking } from "../../app/server/requests/handlers.ts";
import { Telephony, type TelephonyOptions } from "../../app/server/calls/telephony.ts";
import { createLog } from "../../app/server/log.ts";
import { Switches } from "../../app/server/switch/switches.ts";
import type { Person } from "./directory.ts";
import { domain, type Stack } from "./stack.ts";
import { until } from "../support/until.ts";

/** The server's call control in this process, at the switches of a stack; its people have one device each and no sockets. */
export class Desk {
  readonly telephony: Telephony;
  readonly switches: Switches;
  /** What happened to calls, in order: "anna>boris answered". */
  readonly told: string[] = [];
  /** Devices that were asked to answer. */
  readonly asked: { user: string; call: string }[] = [];
  readonly permissions = new Map<string, readonly Permission[]>();
  readonly #devices = new Map<string, { id: string; user: string; account: string }>();

  constructor(stack: Pick<Stack, "ports" | "eslPassword">, actors: readonly Person[], options: Partial<TelephonyOptions> = {}) {
    for (const { name, authName } of actors) this.#devices.set(authName, { id: deviceOf(authName), user: name, account: authName });
    const log = createLog(process.env.HOUSELINE_TEST_LOG === undefined ? "error" : "info");
    this.switches = new Switches({ switches: [{ name: "test", eslHost: "127.0.0.1", eslPort: stack.ports(0).esl, sipUrl: "ws://test/sip" }], eslPassword: stack.eslPassword, domain }, log);
    const find = (address: string) => {
      const found = actors.find(({ name, extension }) => name === address || extension === address);
      return found && { user: found.name, name: `The ${found.name}`, extension: found.extension };
    };
    const devices = () => [...this.#devices.values()];
    this.telephony = new Telephony({
      switches: this.switches, domain, log, directory: { find, doNotDisturb: () => false },
      may: (user, permission) => this.#may(user, permission),
      deviceOf: (account) => this.#devices.get(account)?.id,
      accountOf: (user, device) => devices().find((one) => one.id === device && one.user === user)?.account,
      // Plain SIP devices: the switch itself holds for them.
      ask: (wish, user, _, call) => wish === "answer" && this.asked.push({ user, call }) > 0,
      history: { lastCalled: () => undefined }, ...options,
    });
    this.telephony.calls.on("changed", (call) => {
      const line = `${call.caller.user}>${call.callee?.user ?? "?"} ${call.state}${call.reason ? ` ${call.reason}` : ""}`;
      if (this.told.at(-1) !== line) this.told.push(line);
    });
    this.telephony.calls.on("left", (call, user) => this.told.push(`${user} left ${call.departed.get(user)!.reason}`));
  }

  async open(): Promise<void> {
    this.switches.start();
    await until("a switch", () => this.switches.all.some(({ ready }) => ready));
    await this.telephony.renewLeases();
  }

  close(): void {
    this.telephony.close();
    this.switches.close();
  }

  device(account: string): string {
    return this.#devices.get(account)!.id;
  }

  /** A second device of somebody's. */
  addDevice(user: string, account: string): string {
    const id = randomUUID();
    this.#devices.set(account, { id, user, account });
    return id;
  }

  #may(user: string, permission: Permission): boolean {
    return this.permissions.get(user)?.includes(permission) ?? permission === "calls.pickup";
  }

  /** As a session of this person's first device. */
  async ask<N extends RequestName>(user: string, name: N, params: ParamsInput<N>, device = [...this.#devices.values()].find((one) => one.user === user)!.id): Promise<Result<N>> {
    const handler = (this.telephony.handlers as unknown as Record<string, (asking: Asking, params: unknown) => unknown>)[name]!;
    return await handler({ user, id: device, may: (permission) => this.#may(user, permission) }, requests[name].params.parse(params)) as Result<N>;
  }

  /** The only call, or the newest. */
  get call(): Call {
    return this.telephony.calls.view(this.telephony.calls.all.at(-1)!)!;
  }

  async inState(state: Call["state"]): Promise<string> {
    return until(`a call that is ${state}`, () => this.telephony.calls.all.find((call) => call.state === state)?.id);
  }

  async idle(): Promise<void> {
    await until("no call", () => this.telephony.calls.all.length === 0);
  }
}

/** The same at every desk: as if a database had it. */
function deviceOf(account: string): string {
  const hex = createHash("md5").update(account).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}
