import { BlockList, isIP } from "node:net";

/** Whether it is a range whose address has no bits beyond its prefix, such as `203.0.113.0/24`. */
export function isRange(text: unknown): text is string {
  const [address, bits] = String(text).split("/");
  const family = isIP(address!);
  if (family === 0 || bits === undefined || Number(bits) > (family === 4 ? 32 : 128)) return false;
  if (family === 6) return true;
  const number = address!.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  return number % 2 ** (32 - Number(bits)) === 0;
}

/** Whether an address of IPv4, or the first of a range, is in a range. */
export function contains(range: string, address: string): boolean {
  const [network, bits] = range.split("/");
  const list = new BlockList();
  list.addSubnet(network!, Number(bits), "ipv4");
  return list.check(address.split("/")[0]!, "ipv4");
}
