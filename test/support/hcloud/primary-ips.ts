import type { Actions } from "./actions.ts";
import { ApiError, created, invalid, type Routes } from "./answer.ts";
import { locationOf, type Location } from "./catalogue.ts";
import { Collection, numberOf, type Thing } from "./collection.ts";

export interface PrimaryIp extends Thing {
  /** An address of IPv4, or a /64 of IPv6. */
  ip: string; type: "ipv4" | "ipv6"; assignee_type: "server"; assignee_id: number | null; auto_delete: boolean; blocked: boolean;
  dns_ptr: { ip: string; dns_ptr: string }[]; protection: { delete: boolean }; location: Location;
}

export const primaryIps = () => new Collection<PrimaryIp>("primary_ip", "primary_ips");
export const primaryIpResource = ({ id }: PrimaryIp) => ({ id, type: "primary_ip" });

/**
 * @param base the first three numbers of the addresses of IPv4 that are handed out
 * @param isOff whether a server is turned off
 */
export function primaryIpRoutes(all: Collection<PrimaryIp>, actions: Actions, base: string, isOff: (server: number) => boolean): Routes {
  let last = 9;
  const action = (command: string, address: PrimaryIp, work: () => void) => {
    actions.requireUnlocked(primaryIpResource(address));
    return created({ action: actions.begin(command, [primaryIpResource(address)], work) });
  };
  const requireOff = (server: number) => {
    if (!isOff(server)) throw new ApiError("server_not_stopped", "server must be stopped");
  };
  return {
    ...all.routes((address) => address, (address) => {
      if (address.assignee_id !== null) throw new ApiError("primary_ip_assigned", "primary_ip is assigned");
    }),
    "POST /primary_ips": ({ body }) => {
      if (body.type !== "ipv4" && body.type !== "ipv6") throw invalid("type", "must be ipv4 or ipv6");
      if (body.assignee_id !== undefined) throw new ApiError("unsupported_error", "the stand-in assigns no address as it is made");
      const number = ++last;
      const address = all.add(body, {
        ip: body.type === "ipv4" ? `${base}.${number}` : `2001:db8:${number}:1::/64`, type: body.type, assignee_type: "server", assignee_id: null, auto_delete: body.auto_delete === true, blocked: false,
        dns_ptr: [], protection: { delete: false }, location: locationOf(body),
      });
      return created({ primary_ip: address, action: null });
    },
    "POST /primary_ips/:id/actions/change_dns_ptr": ({ id, body }) => {
      const address = all.get(id);
      const ip = String(body.ip);
      const owned = address.type === "ipv4" ? ip === address.ip : ip.startsWith(address.ip.replace(/::\/64$/, ""));
      if (!owned) throw invalid("ip", "is not an address of this Primary IP");
      return action("change_dns_ptr", address, () => {
        address.dns_ptr = [...address.dns_ptr.filter((one) => one.ip !== ip), ...(typeof body.dns_ptr === "string" ? [{ ip, dns_ptr: body.dns_ptr }] : [])];
      });
    },
    "POST /primary_ips/:id/actions/change_protection": ({ id, body }) => {
      const address = all.get(id);
      return action("change_protection", address, () => { address.protection = { delete: body.delete === true }; });
    },
    "POST /primary_ips/:id/actions/assign": (asked) => {
      const address = all.get(asked.id);
      const server = numberOf(asked, "assignee_id");
      if (address.assignee_id !== null) throw new ApiError("primary_ip_assigned", "primary_ip is assigned");
      requireOff(server);
      return action("assign_primary_ip", address, () => { address.assignee_id = server; });
    },
    "POST /primary_ips/:id/actions/unassign": ({ id }) => {
      const address = all.get(id);
      if (address.assignee_id !== null) requireOff(address.assignee_id);
      return action("unassign_primary_ip", address, () => { address.assignee_id = null; });
    },
  };
}
