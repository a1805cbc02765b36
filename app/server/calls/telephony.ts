import { randomUUID } from "node:crypto";
import type { Permission, Room } from "../../protocol/wire.ts";
import type { Logger } from "../log.ts";
import { callRequests, type LastCalled } from "../requests/calls.ts";
import { conferenceRequests } from "../requests/conferences.ts";
import { parkingRequests } from "../requests/parking.ts";
import { roomRequests, roomView, type CompanyRooms } from "../requests/rooms.ts";
import { supervisionRequests } from "../requests/supervision.ts";
import { transferRequests } from "../requests/transfers.ts";
import { OwnLeases, SwitchLeases, type Leases } from "../switch/leases.ts";
import type { RemoteSwitch } from "../switch/remote-switch.ts";
import type { Switches } from "../switch/switches.ts";
import { Calls, type Directory } from "./calls.ts";
import { callOfRoom, type Conference } from "./conference.ts";
import { CallControl, type ControlContext } from "./control.ts";
import { Devices, type Lookup } from "./devices.ts";
import { endLonelyConferences } from "./last-in-conference.ts";
import { Rescue } from "./rescue.ts";

export interface TelephonyOptions extends Pick<ControlContext, "accountOf" | "ask"> {
  switches: Switches;
  domain: string;
  directory: Directory;
  may(user: string, permission: Permission): boolean;
  /** The public id of the device that has an account. */
  deviceOf: Lookup;
  history: LastCalled;
  /** @default none */
  rooms?: CompanyRooms;
  /** Shared by all servers. @default this server alone */
  leases?: Leases;
  /** What tells this server from others, as the holder of its leases. */
  holder?: string;
  log: Logger;
  rescueSeconds?: number;
}

/** Everything about calls: what the switches tell of them, what people command, and what happens by itself. */
export class Telephony {
  readonly calls: Calls;
  readonly control: CallControl;
  readonly handlers;
  readonly #rescue: Rescue;
  readonly #leases: SwitchLeases;
  readonly #rooms: CompanyRooms;

  constructor({ switches, domain, directory, may, deviceOf, accountOf, ask, history, rooms = { rooms: () => [] }, leases = new OwnLeases(), holder = randomUUID(), log, rescueSeconds }: TelephonyOptions) {
    const devices = new Devices(deviceOf);
    this.#rooms = rooms;
    this.#leases = new SwitchLeases(leases, holder, () => switches.all);
    const acts = (home: RemoteSwitch) => this.#leases.holds(home);
    this.calls = new Calls(directory, {
      deviceOf: devices.of,
      accountAt: (home, instance) => (home as RemoteSwitch).registrations.byInstance(instance)?.account,
      rescues: (home) => (home as RemoteSwitch).kind === "freeswitch",
    });
    this.control = new CallControl({
      calls: this.calls, switches, domain, find: (address) => directory.find(address), doNotDisturb: (user) => directory.doNotDisturb(user), may, accountOf, ask, log,
    });
    for (const home of switches.all) home.knownLegs = () => this.calls.legsAt(home);
    switches.on("changed", () => void this.#leases.renew());
    switches.on("registered", (_, { account }) => void devices.learn(account));
    switches.on("event", (from, event) => this.calls.take(from, event));
    switches.on("state", (from, state) => this.calls.read(from, state));
    switches.on("gone", (from) => this.calls.gone(from));
    this.#rescue = new Rescue(this.control, switches, { acts, ...(rescueSeconds === undefined ? {} : { seconds: rescueSeconds }) });
    this.handlers = {
      ...callRequests(this.control, history, this.#rescue), ...transferRequests(this.control), ...conferenceRequests(this.control), ...parkingRequests(this.control),
      ...supervisionRequests(this.control), ...roomRequests(this.control, rooms),
    };
    // This device is at another server.
    this.calls.on("ask", (call, user, device, wish, home) => void ask(wish, user, device, call.id, home as RemoteSwitch));
    endLonelyConferences(this.control, acts);
  }

  /** A room for everybody to see; undefined for the conference of a call, which is of those in it alone. */
  roomOf(conference: Conference): Room | undefined {
    if (callOfRoom(conference.name) !== undefined) return undefined;
    const company = this.#rooms.rooms().find(({ name }) => name === conference.name) ?? { name: conference.name, title: conference.name, moderators: [] };
    return roomView(this.control, company, this.calls.conferences.get(conference.name));
  }

  /** Takes what leases are free now instead of a moment later. */
  renewLeases(): Promise<void> {
    return this.#leases.renew();
  }

  close(): void {
    this.#rescue.close();
    this.#leases.close();
  }
}
