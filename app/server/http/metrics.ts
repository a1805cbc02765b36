import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";
import { callState, closeCodes } from "../../protocol/wire.ts";
import { RequestError, type Handler } from "../sessions/connection.ts";
import type { SwitchEvent } from "../switch/esl-link.ts";
import type { Telephone } from "../telephone.ts";

/** Seconds, from a fast query to a deadline. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const closeNames = new Map<number, string>(Object.entries(closeCodes).map(([name, code]) => [code, name]));

/** Figures for Prometheus: counted as things happen, or read when they are asked for. */
export class Metrics {
  readonly registry = new Registry();
  readonly #telephone: Telephone;
  readonly #requests: Histogram<"outcome">;
  readonly #closed: Counter<"reason">;

  constructor(telephone: Telephone) {
    this.#telephone = telephone;
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#requests = new Histogram({ name: "houseline_request_seconds", help: "Requests of sockets, by how they were answered", labelNames: ["outcome"], buckets, registers });
    this.#closed = new Counter({ name: "houseline_sockets_closed_total", help: "Sockets that closed, by reason", labelNames: ["reason"], registers });
    for (const reason of [...closeNames.values(), "other"]) this.#closed.inc({ reason }, 0);
    this.#watchStore();
    this.#watchSwitches();
    this.#readStates();
  }

  /** Measures how long each request takes. */
  timed(handle: Handler): Handler {
    return async (connection, name, params) => {
      const began = performance.now();
      let outcome = "answered";
      try {
        return await handle(connection, name, params);
      } catch (error) {
        outcome = error instanceof RequestError ? error.code : "internal";
        throw error;
      } finally {
        this.#requests.observe({ outcome }, (performance.now() - began) / 1_000);
      }
    };
  }

  socketClosed(code: number): void {
    this.#closed.inc({ reason: closeNames.get(code) ?? "other" });
  }

  #watchStore(): void {
    const registers = [this.registry];
    const seconds = new Histogram({ name: "houseline_store_seconds", help: "Reads and writes of the database, from asking to the answer; a write is answered when it is on the disk", labelNames: ["kind"], buckets, registers });
    const failures = new Counter({ name: "houseline_store_failures_total", help: "Reads and writes that the database did not answer as asked", labelNames: ["kind"], registers });
    for (const kind of ["read", "write"]) failures.inc({ kind }, 0);
    this.#telephone.store.on("done", (kind, took, failed) => {
      seconds.observe({ kind }, took);
      if (failed) failures.inc({ kind });
    });
  }

  /** Both ends of an event's way through this server, from the switch's own clock. */
  #watchSwitches(): void {
    const registers = [this.registry];
    const lag = new Histogram({ name: "houseline_esl_lag_seconds", help: "From a channel event in the switch to its arrival here", buckets, registers });
    const delivery = new Histogram({ name: "houseline_event_delivery_seconds", help: "From a channel event in the switch until everybody concerned was told", buckets, registers });
    this.#telephone.switches.prependListener("event", (_, event) => observe(lag, event));
    this.#telephone.switches.on("event", (_, event) => observe(delivery, event));
  }

  #readStates(): void {
    const { sessions, signIn, switches, calls } = this.#telephone;
    const registers = [this.registry];
    const gauge = (name: string, help: string, read: () => number) => new Gauge({ name, help, registers, collect() { this.set(read()); } });
    gauge("houseline_sessions", "Sessions of this release", () => sessions.size);
    gauge("houseline_sockets", "Sessions of this release with a socket", () => [...sessions.all].filter(({ connected }) => connected).length);
    gauge("houseline_people_online", "People who are signed in, on any release", () => sessions.online().size);
    gauge("houseline_switches_ready", "Switches that answer and take calls", () => switches.all.filter(({ ready, draining }) => ready && !draining).length);
    gauge("houseline_switch_rank", "Place of the host whose switch people are sent to: 0 the first, 1 the one in reserve, -1 none", () => switches.chosen?.rank ?? -1);
    gauge("houseline_draining", "Whether this release is going", () => Number(this.#telephone.draining));
    gauge("houseline_calls", "Calls in progress, over all switches", () => calls.all.length);
    new Gauge({
      name: "houseline_calls_by_state", help: "The same by what they are doing", labelNames: ["state"], registers,
      collect() {
        for (const state of callState.options) if (state !== "ended") this.set({ state }, calls.all.filter((call) => call.state === state).length);
      },
    });
    new Counter({
      name: "houseline_sign_in_failures_total", help: "Sign-ins that were refused, by way", labelNames: ["way"], registers,
      collect() {
        this.reset();
        for (const way of ["password", "token"] as const) this.inc({ way }, signIn.failures[way]);
      },
    });
  }
}

/** `Event-Date-Timestamp` is in microseconds. (FreeSWITCH, "Event List") */
function observe(histogram: Histogram, event: SwitchEvent): void {
  const stamp = Number(event["Event-Date-Timestamp"]) / 1_000;
  if (stamp > 0) histogram.observe(Math.max(0, Date.now() - stamp) / 1_000);
}
