import { invalid, ok, type Body, type Routes } from "./answer.ts";
import { paged } from "./collection.ts";

interface Offered { id: number; name: string }

export const locations = [
  { id: 1, name: "fsn1", description: "Falkenstein DC Park 1", country: "DE", city: "Falkenstein", latitude: 50.47612, longitude: 12.370071, network_zone: "eu-central" },
  { id: 3, name: "hel1", description: "Helsinki DC Park 1", country: "FI", city: "Helsinki", latitude: 60.169855, longitude: 24.938379, network_zone: "eu-central" },
];

const images = (["debian-12", "debian-13", "ubuntu-24.04"] as const).flatMap((name, index) => (["x86", "arm"] as const).map((architecture, offset) => ({
  id: 100 + 2 * index + offset, name, architecture, type: "system", status: "available", description: name, image_size: null, disk_size: 5, created: "2023-06-13T06:00:00+00:00",
  created_from: null, bound_to: null, os_flavor: name.split("-")[0], os_version: name.split("-")[1], rapid_deploy: true, protection: { delete: false }, deprecated: null, deleted: null, labels: {},
})));

const serverTypes = [{ name: "ccx13", cores: 2, memory: 8, disk: 80 }, { name: "ccx23", cores: 4, memory: 16, disk: 160 }, { name: "cpx22", cores: 2, memory: 4, disk: 80 }].map(({ name, cores, memory, disk }, index) => ({
  id: 10 + index, name, description: name.toUpperCase(), category: "general_purpose", cores, memory, disk, deprecated: false, deprecation: null, storage_type: "local", cpu_type: "dedicated",
  architecture: "x86", prices: [], locations: locations.map(({ id, name: location }) => ({ id, name: location, deprecation: null, available: true, recommended: true })),
}));

export const locationOf = (body: Body) => pick(locations, body.location, "location");
export const imageOf = (body: Body) => pick(images, body.image, "image");
export const serverTypeOf = (body: Body) => pick(serverTypes, body.server_type, "server_type");
export type Location = ReturnType<typeof locationOf>;
export type Image = ReturnType<typeof imageOf>;
export type ServerType = ReturnType<typeof serverTypeOf>;

/** By its id or its name. */
function pick<T extends Offered>(offered: readonly T[], wanted: unknown, field: string): T {
  const found = offered.find(({ id, name }) => id === Number(wanted) || name === wanted);
  if (found === undefined) throw invalid(field, `${field} '${String(wanted)}' not found`);
  return found;
}

/** What there is to choose from. */
export function catalogueRoutes(): Routes {
  const list = (plural: string, offered: readonly Offered[]): Routes => ({
    [`GET /${plural}`]: ({ query }) => ok(paged(plural, offered.filter((one) => [...query].every(([key, value]) => !(key in one) || String(one[key as keyof Offered]) === value)), query)),
  });
  return { ...list("locations", locations), ...list("images", images), ...list("server_types", serverTypes) };
}
