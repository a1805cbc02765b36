import type { Call, SipAccount, Snapshot } from "../protocol/wire.ts";
import type { Calls } from "./calls/calls.ts";
import type { History } from "./history.ts";
import type { People } from "./people.ts";
import type { Profiles } from "./profiles.ts";
import { Prepared, RequestError } from "./sessions/connection.ts";
import type { Session } from "./sessions/session.ts";
import type { Sessions } from "./sessions/sessions.ts";
import type { RemoteSwitch } from "./switch/remote-switch.ts";
import type { Switches } from "./switch/switches.ts";
import type { Turn } from "./turn.ts";

/** Calls that ended this recently are told to whoever comes back. */
const recentlyMs = 120_000;
const mostRecent = 20;

interface Parts { people: People; sessions: Sessions; calls: Calls; switches: Switches; profiles: Profiles; history: History; turn: Turn; domain: string; servers: readonly string[] }

/** Everything that a device has to know when it comes. */
export class Snapshots {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * As the answer to a request.
   *
   * @param more what a return is told besides; with `people` false the device knows everybody
   * @throws RequestError when the person was removed meanwhile
   */
  async of(session: Session, more: { replayed?: boolean; people?: boolean } = {}): Promise<Prepared> {
    const { people, profiles } = this.#parts;
    const [profile, ended] = await Promise.all([profiles.of(session.user), this.#ended(session.user)]);
    const me = people.person(session.user);
    if (!me || !profile) throw new RequestError("not-found", "This person is not here any more.");
    const live = this.#parts.calls.of(session.user).flatMap((call) => this.#parts.calls.view(call) ?? []);
    const over = ended.filter(({ id }) => !live.some((call) => call.id === id));
    const { people: toldOfPeople = true, ...rest } = more;
    const snapshot: Omit<Snapshot, "people"> = {
      session: session.id, resumeToken: session.resumeToken, me, profile, ...rest,
      calls: [...over, ...live].sort((a, b) => a.startedAt - b.startedAt), sip: this.account(session),
      ...(this.#parts.servers.length > 1 && { servers: [...this.#parts.servers] }),
    };
    const text = JSON.stringify(snapshot);
    return new Prepared(...toldOfPeople ? [`${text.slice(0, -1)},"people":`, people.list().json, "}"] : [text]);
  }

  /** What a device registers with, at the switch that takes calls now. */
  account(session: Session): SipAccount | null {
    const { chosen } = this.#parts.switches;
    return chosen ? this.accountAt(chosen, session) : null;
  }

  /** The same at any switch. */
  accountAt({ url, kind }: Pick<RemoteSwitch, "url" | "kind">, { id, sipUser }: Session): SipAccount {
    const { sessions, turn, domain } = this.#parts;
    const relay = turn.serverFor(sipUser);
    return { url, domain, user: sipUser, password: sessions.sipPassword(id), kind, ...(relay && { turn: relay }) };
  }

  async #ended(user: string): Promise<Call[]> {
    const { people, history } = this.#parts;
    const since = Date.now() - recentlyMs;
    const me = people.find(user);
    if (!me) return [];
    return (await history.page(user, { before: Number.MAX_SAFE_INTEGER, limit: mostRecent, missedOnly: false })).filter(({ endedAt }) => endedAt > since)
      .map(({ call, direction, peer, missed: _, ...times }) => ({ id: call, state: "ended" as const, ...(direction === "outgoing" ? { caller: me, callee: peer } : { caller: peer, callee: me }), ...times }));
  }
}
