import type { Action, Actions } from "./actions.ts";
import { ApiError, created, invalid, ok, type Asked, type Body, type Routes } from "./answer.ts";
import { imageOf, locationOf, serverTypeOf, type Image, type Location, type ServerType } from "./catalogue.ts";
import { Collection, numberOf, requireUnprotected, type Thing } from "./collection.ts";
import { apply, release, type Firewall } from "./firewalls.ts";
import type { Machines } from "./machine.ts";
import type { Network } from "./networks.ts";
import type { PlacementGroup } from "./placement-groups.ts";
import { primaryIpResource, type PrimaryIp } from "./primary-ips.ts";
import { contains } from "./ranges.ts";
import type { SshKey } from "./ssh-keys.ts";

export interface Server extends Thing {
  status: "initializing" | "off" | "running"; server_type: ServerType; primary_disk_size: number; image: Image; location: Location; backup_window: string | null; protection: { delete: boolean; rebuild: boolean };
  private_net: { network: number; ip: string; alias_ips: string[]; mac_address: string }[];
  /** What it runs as; none in tests of the interface alone. */
  machine: string | undefined;
}

/** What is around the servers of a project. */
export interface Around {
  keys: Collection<SshKey>; networks: Collection<Network>; groups: Collection<PlacementGroup>; addresses: Collection<PrimaryIp>; firewalls: Collection<Firewall>; actions: Actions; machines: Machines | undefined;
}

/** A documented bound. (docs.hetzner.cloud, "Create a Server") */
const mostUserData = 32_768;
const hostname = /^(?=.{1,63}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;

export const servers = () => new Collection<Server>("server", "servers");
const resource = ({ id }: Server) => ({ id, type: "server" });

export function serverRoutes(all: Collection<Server>, around: Around): Routes {
  const { actions, machines } = around;
  const render = (server: Server) => renderServer(server, around);
  const isOff = ({ status }: Server) => status === "off";

  /** One that changes a server, which no other action may be changing. */
  const action = (command: string, change: (server: Server, asked: Asked) => (() => unknown) | void): Routes => ({
    [`POST /servers/:id/actions/${command}`]: (asked) => {
      const server = all.get(asked.id);
      actions.requireUnlocked(resource(server));
      const work = change(server, asked);
      return created({ action: actions.begin(command, [resource(server)], work ?? undefined) });
    },
  });

  const turn = async (server: Server, power: "on" | "off") => {
    if (machines && server.machine !== undefined && isOff(server) === (power === "on")) await machines.turn(server.machine, power);
    server.status = power === "on" ? "running" : "off";
  };

  return {
    ...all.routes(render),
    "POST /servers": ({ body }) => {
      const { server, given } = make(all, around, body);
      const making = actions.begin("create_server", [resource(server)], async () => {
        server.machine = await machines?.make(given);
        server.status = "off";
      });
      const next: Action[] = body.start_after_create === false ? [] : [actions.begin("start_server", [resource(server)], () => turn(server, "on"), making)];
      return created({ server: render(server), action: making, next_actions: next, root_password: given.publicKeys.length > 0 ? null : "a-password-of-the-tests" });
    },
    "DELETE /servers/:id": ({ id }) => {
      const server = all.get(id);
      requireUnprotected(server, "server");
      actions.requireUnlocked(resource(server));
      return ok({
        action: actions.begin("delete_server", [resource(server)], async () => {
          if (server.machine !== undefined) await machines?.end(server.machine);
          leave(server, around);
          all.remove(server);
        }),
      });
    },
    ...action("poweron", (server) => () => turn(server, "on")),
    ...action("poweroff", (server) => () => turn(server, "off")),
    ...action("shutdown", (server) => () => turn(server, "off")),
    ...action("reset", (server) => async () => {
      await turn(server, "off");
      await turn(server, "on");
    }),
    ...action("change_type", (server, { body }) => {
      if (!isOff(server)) throw new ApiError("server_not_stopped", "server must be stopped");
      const type = serverTypeOf(body);
      if (type.disk < server.primary_disk_size) throw new ApiError("invalid_server_type", "server type has a smaller disk");
      return async () => {
        server.server_type = type;
        if (body.upgrade_disk === true) server.primary_disk_size = type.disk;
        await turn(server, "on");
      };
    }),
    ...action("change_protection", (server, { body }) => {
      if (body.delete !== body.rebuild) throw invalid("rebuild", "must be the same as delete");
      return () => { server.protection = { delete: body.delete === true, rebuild: body.rebuild === true }; };
    }),
    ...action("enable_backup", (server) => () => { server.backup_window = "22-02"; }),
    ...action("disable_backup", (server) => () => { server.backup_window = null; }),
    ...action("attach_to_network", (server, asked) => {
      const network = around.networks.get(numberOf(asked, "network"));
      actions.requireUnlocked({ id: network.id, type: "network" });
      if (server.private_net.some((one) => one.network === network.id)) throw new ApiError("server_already_attached", "server is already attached to network");
      const ip = addressIn(network, asked.body.ip, all.all());
      return () => {
        server.private_net.push({ network: network.id, ip, alias_ips: (asked.body.alias_ips ?? []) as string[], mac_address: "86:00:00:00:00:01" });
        network.servers.push(server.id);
      };
    }),
    ...action("detach_from_network", (server, asked) => {
      const network = around.networks.get(numberOf(asked, "network"));
      return () => {
        server.private_net = server.private_net.filter((one) => one.network !== network.id);
        network.servers = network.servers.filter((id) => id !== server.id);
      };
    }),
    ...action("add_to_placement_group", (server, asked) => {
      if (!isOff(server)) throw new ApiError("server_not_stopped", "server must be stopped");
      const group = around.groups.get(numberOf(asked, "placement_group"));
      return () => group.servers.push(server.id);
    }),
    ...action("remove_from_placement_group", (server) => () => leaveGroup(server, around)),
  };
}

function make(all: Collection<Server>, around: Around, body: Body) {
  const { keys, groups, addresses, firewalls, actions } = around;
  if (!hostname.test(String(body.name))) throw invalid("name", "must be a valid hostname");
  const userData = String(body.user_data ?? "");
  if (Buffer.byteLength(userData) > mostUserData) throw invalid("user_data", `at most ${mostUserData} bytes`);
  const [type, image, location] = [serverTypeOf(body), imageOf(body), locationOf(body)];
  const net = (body.public_net ?? {}) as Partial<Record<"ipv4" | "ipv6", number>>;
  const taken = (["ipv4", "ipv6"] as const).map((kind) => {
    if (net[kind] === undefined) throw new ApiError("unsupported_error", "the stand-in makes no addresses with a server");
    const address = addresses.get(net[kind]);
    if (address.type !== kind) throw new ApiError("primary_ip_version_mismatch", `primary_ip is not of ${kind}`);
    if (address.assignee_id !== null) throw new ApiError("primary_ip_assigned", "primary_ip is already assigned");
    if (address.location !== location) throw invalid("location", "primary_ip is in another location");
    actions.requireUnlocked(primaryIpResource(address));
    return address;
  });
  const publicKeys = ((body.ssh_keys ?? []) as number[]).map((id) => keys.get(id).public_key);
  const walls = ((body.firewalls ?? []) as { firewall: number }[]).map(({ firewall }) => firewalls.get(firewall));
  const group = body.placement_group === undefined ? undefined : groups.get(body.placement_group as number);
  const server = all.add(body, { status: "initializing", server_type: type, primary_disk_size: type.disk, image, location, backup_window: null, protection: { delete: false, rebuild: false }, private_net: [], machine: undefined });
  for (const address of taken) address.assignee_id = server.id;
  for (const firewall of walls) apply(firewall, server.id);
  group?.servers.push(server.id);
  return { server, given: { address: taken[0]!.ip, ipv6: taken[1]!.ip.replace("/64", "1"), userData, publicKeys } };
}

/** What a server that is ended lets go. */
function leave(server: Server, around: Around): void {
  for (const address of around.addresses.all()) if (address.assignee_id === server.id) address.assignee_id = null;
  for (const firewall of around.firewalls.all()) release(firewall, server.id);
  for (const network of around.networks.all()) network.servers = network.servers.filter((id) => id !== server.id);
  leaveGroup(server, around);
}

function leaveGroup(server: Server, { groups }: Around): void {
  for (const group of groups.all()) group.servers = group.servers.filter((id) => id !== server.id);
}

/** The address that is asked for, within a subnet and nobody else's. */
function addressIn(network: Network, asked: unknown, servers: readonly Server[]): string {
  if (typeof asked !== "string") throw new ApiError("unsupported_error", "the stand-in chooses no private addresses");
  const subnet = network.subnets.find(({ ip_range: range }) => contains(range, asked));
  if (subnet === undefined) throw new ApiError("no_subnet_available", "no subnet is available for this IP");
  if (asked === subnet.gateway || servers.some(({ private_net: nets }) => nets.some((one) => one.network === network.id && one.ip === asked))) throw new ApiError("ip_not_available", "IP is not available");
  return asked;
}

function renderServer(server: Server, { addresses, firewalls, groups, actions }: Around): object {
  const of = (kind: PrimaryIp["type"]) => addresses.all().find(({ type, assignee_id: assignee }) => type === kind && assignee === server.id);
  const [ipv4, ipv6] = [of("ipv4"), of("ipv6")];
  return {
    ...server,
    machine: undefined,
    public_net: {
      ipv4: ipv4 && { id: ipv4.id, ip: ipv4.ip, blocked: false, dns_ptr: ipv4.dns_ptr[0]?.dns_ptr ?? "" },
      ipv6: ipv6 && { id: ipv6.id, ip: ipv6.ip, blocked: false, dns_ptr: ipv6.dns_ptr },
      floating_ips: [],
      firewalls: firewalls.all().filter(({ applied_to: to }) => to.some((one) => one.server.id === server.id)).map(({ id }) => ({ id, status: "applied" })),
    },
    placement_group: groups.all().find(({ servers }) => servers.includes(server.id)) ?? null,
    locked: actions.isLocked(resource(server)),
    included_traffic: 0, outgoing_traffic: null, ingoing_traffic: null, rescue_enabled: false, iso: null, volumes: [], load_balancers: [],
  };
}
