import { z } from "zod";
import type { EventName } from "../../protocol/wire.ts";

/** What a session leaves to the server that takes it up: its numbers, and what its device may not have seen yet. */
export interface Frozen {
  seq: number;
  sent: { seq: number; text: string; at: number }[];
  frozenAt: number;
  /** Digest of the people that its device knows; none when some were still to be told. */
  people?: string;
}

/** Characters of one hand-over; of more, the newest events go along, and a device that missed others starts over. */
const mostCharacters = 128 << 10;
/** Servers hear of one event within this time of each other, and their clocks agree to within it. */
const apartMs = 5_000;
const slackMs = 500;

const schema = z.object({ seq: z.number(), frozenAt: z.number(), people: z.string().optional(), sent: z.array(z.object({ seq: z.number(), text: z.string(), at: z.number() })) });

export function packHandOver({ seq, sent, frozenAt, people }: Frozen): string {
  const kept = [];
  let characters = 0;
  for (const event of sent.toReversed()) {
    characters += event.text.length;
    if (characters > mostCharacters) break;
    kept.push(event);
  }
  return JSON.stringify({ seq, frozenAt, people, sent: kept.reverse() });
}

/** Undefined for what another release left and this one can't read. */
export function unpackHandOver(text: string | undefined): Frozen | undefined {
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** These must come exactly once; of everything else the snapshot has what holds now. */
const kept: ReadonlySet<EventName> = new Set<EventName>(["call", "answerCall", "message", "messageState"]);
/** Bounds of what is remembered. */
const keptMs = 20_000;
const mostPerPerson = 200;
const mostPeople = 20_000;

interface Noted { at: number; name: EventName; data: string }

/**
 * What this server told people in the last seconds, or would have told them, had their session been here. A session that comes from another
 * server was frozen there a moment ago: what happened since is found here, and what both servers saw is told by one of them.
 */
export class RecentEvents {
  readonly #byUser = new Map<string, Noted[]>();
  readonly #since = Date.now();

  note(user: string, name: EventName, data: string): void {
    if (!kept.has(name)) return;
    let noted = this.#byUser.get(user);
    if (!noted) this.#byUser.set(user, noted = []);
    noted.push({ at: Date.now(), name, data });
    // Cut back now and then, not with every event.
    if (noted.length > mostPerPerson * 2) noted.splice(0, noted.length - mostPerPerson);
    if (this.#byUser.size > mostPeople) this.#byUser.delete(this.#byUser.keys().next().value!);
  }

  /** Forgets what no session can come back for. */
  sweep(now = Date.now()): void {
    for (const [user, noted] of this.#byUser) {
      if (noted.at(-1)!.at < now - keptMs) this.#byUser.delete(user);
      else while (noted[0]!.at < now - keptMs) noted.shift();
    }
  }

  /** What a session missed between being frozen and now; what happened before it began is not its own. */
  missed({ user, createdAt }: { user: string; createdAt: number }, { sent, frozenAt }: Frozen): Noted[] {
    const told = new Map<string, number>();
    for (const { text, at } of sent) {
      if (at < Math.max(frozenAt - apartMs, this.#since) - slackMs) continue;
      const key = essence(text.slice(text.indexOf('"name":"')));
      told.set(key, (told.get(key) ?? 0) + 1);
    }
    return (this.#byUser.get(user) ?? []).filter(({ at, name, data }) => {
      if (at < Math.max(frozenAt - apartMs, createdAt)) return false;
      const key = essence(`"name":"${name}","data":${data}}`);
      const count = told.get(key) ?? 0;
      if (count > 0) told.set(key, count - 1);
      return count === 0;
    });
  }
}

/** The same event as two servers word it: each has its own clock. */
function essence(text: string): string {
  return text.replace(/"(startedAt|answeredAt|endedAt)":\d+/g, '"$1":0');
}
