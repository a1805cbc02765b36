/**
 * What counts as one for limits: an address of IPv4, and of IPv6 the network of a customer (/64), since whoever has one of its addresses has all of them.
 * (RFC 6177; RFC 4291, 2.5.4)
 */
export function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [before = "", after] = address.split("%")[0]!.split("::");
  const groups = (text: string) => text.split(":").filter(Boolean);
  const [head, tail] = [groups(before), groups(after ?? "")];
  const all = after === undefined ? head : [...head, ...Array<string>(Math.max(0, 8 - head.length - tail.length)).fill("0"), ...tail];
  return `${all.slice(0, 4).map((group) => group.toLowerCase().replace(/^0+(?=.)/, "")).join(":")}::/64`;
}
