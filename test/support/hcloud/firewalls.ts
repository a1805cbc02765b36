import type { Actions } from "./actions.ts";
import { ApiError, created, invalid, type Body, type Routes } from "./answer.ts";
import { Collection, type Thing } from "./collection.ts";
import { isRange } from "./ranges.ts";

interface AppliedTo { type: "server"; server: { id: number } }
interface Rule { direction: string; protocol: string; port: string | null; description: string | null; source_ips: string[]; destination_ips: string[] }
export interface Firewall extends Thing { rules: Rule[]; applied_to: AppliedTo[] }

export const firewalls = () => new Collection<Firewall>("firewall", "firewalls");
const mostRules = 50;
const resource = ({ id }: Firewall) => ({ id, type: "firewall" });

/** @param hasServer throws for a server that there isn't */
export function firewallRoutes(all: Collection<Firewall>, actions: Actions, hasServer: (id: number) => unknown): Routes {
  const targets = (list: unknown) => ((list ?? []) as AppliedTo[]).map(({ type, server }) => {
    if (type !== "server") throw new ApiError("unsupported_error", "the stand-in applies firewalls to servers alone");
    hasServer(server.id);
    return server.id;
  });
  return {
    ...all.routes((firewall) => firewall, (firewall) => {
      if (firewall.applied_to.length > 0) throw new ApiError("resource_in_use", "firewall is in use");
    }),
    "POST /firewalls": ({ body }) => {
      const firewall = all.add(body, { rules: rulesOf(body), applied_to: [] });
      const servers = targets(body.apply_to);
      return created({ firewall, actions: servers.map((server) => actions.begin("apply_firewall", [resource(firewall), { id: server, type: "server" }], () => apply(firewall, server))) });
    },
    "POST /firewalls/:id/actions/set_rules": ({ id, body }) => {
      const firewall = all.get(id);
      actions.requireUnlocked(resource(firewall));
      const rules = rulesOf(body);
      return created({ actions: [actions.begin("set_firewall_rules", [resource(firewall)], () => { firewall.rules = rules; })] });
    },
    "POST /firewalls/:id/actions/apply_to_resources": ({ id, body }) => {
      const firewall = all.get(id);
      return created({ actions: targets(body.apply_to).map((server) => actions.begin("apply_firewall", [resource(firewall), { id: server, type: "server" }], () => apply(firewall, server))) });
    },
    "POST /firewalls/:id/actions/remove_from_resources": ({ id, body }) => {
      const firewall = all.get(id);
      return created({ actions: targets(body.remove_from).map((server) => actions.begin("remove_firewall", [resource(firewall), { id: server, type: "server" }], () => release(firewall, server))) });
    },
  };
}

export function apply(firewall: Firewall, server: number): void {
  if (!firewall.applied_to.some((one) => one.server.id === server)) firewall.applied_to.push({ type: "server", server: { id: server } });
}

export function release(firewall: Firewall, server: number): void {
  firewall.applied_to = firewall.applied_to.filter((one) => one.server.id !== server);
}

function rulesOf({ rules = [] }: Body): Rule[] {
  const list = rules as Partial<Rule>[];
  if (list.length > mostRules) throw invalid("rules", `at most ${mostRules} rules`);
  return list.map(({ direction, protocol, port = null, description = null, source_ips: from = [], destination_ips: to = [] }, index) => {
    const refuse = (field: string, why: string) => invalid(`rules.${index}.${field}`, why);
    if (direction !== "in" && direction !== "out") throw refuse("direction", "must be in or out");
    const hasPort = protocol === "tcp" || protocol === "udp";
    if (!hasPort && !["icmp", "esp", "gre"].includes(protocol ?? "")) throw refuse("protocol", "must be tcp, udp, icmp, esp or gre");
    if (hasPort ? !/^(any|\d+(-\d+)?)$/.test(port ?? "") : port !== null) throw refuse("port", hasPort ? "must be a port or a range of ports" : "not with this protocol");
    if ((direction === "in" ? from : to).length === 0) throw refuse("source_ips", "must not be empty");
    if (![...from, ...to].every(isRange)) throw refuse("source_ips", "must be networks");
    if ((description ?? "").length > 255) throw refuse("description", "at most 255 characters");
    return { direction, protocol: protocol!, port, description, source_ips: from, destination_ips: to };
  });
}
