import { Gauge, Registry, collectDefaultMetrics } from "prom-client";
import type { Telephone } from "../telephone.ts";

/** Figures for Prometheus; read when they are asked for. */
export function metricsOf(telephone: Telephone): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({ name, help, registers: [registry], collect() { this.set(read()); } });
  gauge("houseline_sessions", "Sessions of this release", () => telephone.sessions.size);
  gauge("houseline_sockets", "Sessions of this release with a socket", () => [...telephone.sessions.all].filter(({ connected }) => connected).length);
  gauge("houseline_calls", "Calls in progress, over all switches", () => telephone.calls.all.length);
  gauge("houseline_switches_ready", "Switches that answer and take calls", () => telephone.switches.all.filter(({ ready, draining }) => ready && !draining).length);
  gauge("houseline_people_online", "People who are signed in, on any release", () => telephone.sessions.online().size);
  return registry;
}
