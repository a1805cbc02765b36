import { roomName } from "../../protocol/wire.ts";
import type { SwitchEvent } from "../switch/esl-link.ts";
import type { ConferenceState } from "../switch/remote-switch.ts";

export interface Member { uuid: string; member: number; muted: boolean; moderator: boolean }

/** A conference that is running in a switch: a room of the company's, or a call that became one. */
export interface Conference {
  readonly name: string;
  readonly home: object;
  locked: boolean;
  readonly members: Map<string, Member>;
}

const callRoom = /^c-([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/;

/** The conference of a call that became one is named after it, so that each leads to the other. */
export const roomOfCall = (id: string) => `c-${id}`;
export const callOfRoom = (name: string): string | undefined => callRoom.exec(name)?.[1];

/** Follows the conferences of every switch. (FreeSWITCH, "conference::maintenance") */
export class Conferences {
  readonly #all = new Map<string, Conference>();

  get all(): readonly Conference[] {
    return [...this.#all.values()];
  }

  get(name: string): Conference | undefined {
    return this.#all.get(name);
  }

  /** The conference that an event changed, and what became of a member. */
  take(home: object, event: SwitchEvent): { conference: Conference; joined?: string; left?: string } | undefined {
    const name = String(event["Conference-Name"] ?? "");
    if (!roomName.safeParse(name).success) return undefined;
    const conference = this.#open(name, home);
    const uuid = String(event["Unique-ID"] ?? "");
    const known = conference.members.get(uuid);
    switch (event.Action) {
      case "add-member":
        conference.members.set(uuid, { uuid, member: Number(event["Member-ID"]), muted: event.Speak === "false", moderator: event["Member-Type"] === "moderator" });
        return { conference, joined: uuid };
      case "del-member":
        return this.leave(conference, uuid) ? { conference, left: uuid } : undefined;
      case "mute-member": case "unmute-member":
        if (known) known.muted = event.Action === "mute-member";
        break;
      case "lock": case "unlock":
        conference.locked = event.Action === "lock";
        break;
      case "conference-destroy":
        this.#all.delete(name);
        break;
      default: return undefined;
    }
    return { conference };
  }

  leave(conference: Conference, uuid: string): boolean {
    const was = conference.members.delete(uuid);
    if (conference.members.size === 0) this.#all.delete(conference.name);
    return was;
  }

  /** Takes a switch's list for the truth. */
  replace(home: object, list: readonly ConferenceState[]): void {
    this.lose(home);
    for (const { name, locked, members } of list) {
      if (!roomName.safeParse(name).success || members.length === 0) continue;
      const conference = this.#open(name, home);
      conference.locked = locked;
      for (const member of members) conference.members.set(member.uuid, member);
    }
  }

  lose(home: object): void {
    for (const one of this.all) if (one.home === home) this.#all.delete(one.name);
  }

  #open(name: string, home: object): Conference {
    let conference = this.#all.get(name);
    if (!conference || conference.home !== home) this.#all.set(name, conference = { name, home, locked: false, members: new Map() });
    return conference;
  }
}
