import type { Actions } from "./actions.ts";
import { ApiError, created, invalid, type Routes } from "./answer.ts";
import { Collection, type Thing } from "./collection.ts";
import { contains, isRange } from "./ranges.ts";

export interface Subnet { type: "cloud"; ip_range: string; network_zone: string; gateway: string }
export interface Network extends Thing { ip_range: string; subnets: Subnet[]; routes: []; servers: number[]; load_balancers: []; protection: { delete: boolean }; expose_routes_to_vswitch: boolean }

export const networks = () => new Collection<Network>("network", "networks");
const resource = ({ id }: Network) => ({ id, type: "network" });

export function networkRoutes(all: Collection<Network>, actions: Actions): Routes {
  return {
    ...all.routes((network) => network, (network) => {
      actions.requireUnlocked(resource(network));
      if (network.servers.length > 0) throw new ApiError("resource_in_use", "network has attached resources");
    }),
    "POST /networks": ({ body }) => {
      if (!isRange(body.ip_range)) throw invalid("ip_range", "must be a network");
      return created({ network: all.add(body, { ip_range: body.ip_range, subnets: [], routes: [], servers: [], load_balancers: [], protection: { delete: false }, expose_routes_to_vswitch: false }) });
    },
    "POST /networks/:id/actions/add_subnet": ({ id, body }) => {
      const network = all.get(id);
      actions.requireUnlocked(resource(network));
      const { ip_range: range, network_zone: zone } = body;
      if (!isRange(range) || !contains(network.ip_range, range)) throw invalid("ip_range", "must be within the network's range");
      if (network.subnets.some((subnet) => contains(subnet.ip_range, range) || contains(range, subnet.ip_range))) throw invalid("ip_range", "overlaps with another subnet");
      if (body.type !== "cloud" || typeof zone !== "string") throw invalid("type", "must be 'cloud', in a network zone");
      const gateway = network.ip_range.replace(/\d+\/\d+$/, "1");
      return created({ action: actions.begin("add_subnet", [resource(network)], () => network.subnets.push({ type: "cloud", ip_range: range, network_zone: zone, gateway })) });
    },
    "POST /networks/:id/actions/delete_subnet": ({ id, body }) => {
      const network = all.get(id);
      actions.requireUnlocked(resource(network));
      if (network.servers.length > 0) throw new ApiError("service_error", "cannot remove subnet because servers are attached to it");
      return created({ action: actions.begin("delete_subnet", [resource(network)], () => { network.subnets = network.subnets.filter(({ ip_range: range }) => range !== body.ip_range); }) });
    },
    "POST /networks/:id/actions/change_protection": ({ id, body }) => {
      const network = all.get(id);
      return created({ action: actions.begin("change_protection", [resource(network)], () => { network.protection = { delete: body.delete === true }; }) });
    },
  };
}
