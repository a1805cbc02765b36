import type { Leg, TrackedCall } from "./call.ts";

/** Calls at once, over all switches; more are not followed. */
const mostCalls = 20_000;
const mostOver = 5_000;

/** Calls in progress, found by what is asked for: their id, a leg, a person. */
export class CallRegistry {
  readonly #calls = new Map<string, TrackedCall>();
  readonly #byLeg = new Map<string, TrackedCall>();
  /** Legs by whose they are, and calls in which somebody may be missing: asked for with every change. */
  readonly #legsOf = new Map<string, Map<string, Leg>>();
  readonly #incomplete = new Set<TrackedCall>();
  /** Calls that are over: a leg that comes late begins none of them anew. */
  readonly #over = new Set<string>();

  get all(): readonly TrackedCall[] {
    return [...this.#calls.values()];
  }

  get(id: string): TrackedCall | undefined {
    return this.#calls.get(id);
  }

  withLeg(uuid: string): TrackedCall | undefined {
    return this.#byLeg.get(uuid);
  }

  of(user: string): TrackedCall[] {
    return this.all.filter((call) => call.caller.user === user || call.callee?.user === user || call.rescuing.has(user) || call.legsOf(user).length > 0).filter((call) => call.users.has(user));
  }

  /** Ids of the legs that a switch is known to have. */
  legsAt(home: object): string[] {
    return this.all.flatMap((call) => [...call.legs.values()].filter((leg) => leg.home === home).map(({ uuid }) => uuid));
  }

  presenceOf(user: string): "in-call" | "ringing" | undefined {
    for (const call of this.#incomplete) if (call.rescuing.has(user)) return "in-call";
    const legs = this.#legsOf.get(user);
    if (!legs) return undefined;
    for (const { answered, direction } of legs.values()) if (answered || direction === "inbound") return "in-call";
    return "ringing";
  }

  /** Whether a call with this id may begin. */
  takes(id: string): boolean {
    return this.#calls.size < mostCalls && !this.#over.has(id);
  }

  add(call: TrackedCall): void {
    this.#calls.set(call.id, call);
  }

  /** A call is over. */
  remove(call: TrackedCall): void {
    this.#calls.delete(call.id);
    this.#incomplete.delete(call);
    this.#over.add(call.id);
    if (this.#over.size > mostOver) this.#over.delete(this.#over.values().next().value!);
  }

  attach(call: TrackedCall, leg: Leg): void {
    call.legs.set(leg.uuid, leg);
    this.#byLeg.set(leg.uuid, call);
    const own = this.#legsOf.get(leg.user);
    if (own) own.set(leg.uuid, leg);
    else this.#legsOf.set(leg.user, new Map([[leg.uuid, leg]]));
  }

  detach(call: TrackedCall, leg: Leg): void {
    call.legs.delete(leg.uuid);
    this.#byLeg.delete(leg.uuid);
    const own = this.#legsOf.get(leg.user);
    own?.delete(leg.uuid);
    if (own?.size === 0) this.#legsOf.delete(leg.user);
    for (const other of call.legs.values()) if (other.peer === leg.uuid) other.peer = undefined;
  }

  /** A leg goes over to another call. */
  move(leg: Leg, from: TrackedCall, to: TrackedCall): void {
    from.legs.delete(leg.uuid);
    to.legs.set(leg.uuid, leg);
    this.#byLeg.set(leg.uuid, to);
  }

  /** Somebody is missing from a call, from now until `remove` or until `rescuing` is empty. */
  markIncomplete(call: TrackedCall): void {
    for (const one of this.#incomplete) if (one.rescuing.size === 0) this.#incomplete.delete(one);
    this.#incomplete.add(call);
  }
}
