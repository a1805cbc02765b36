import { expect, it } from "vitest";
import { networkOf } from "./network.ts";

it.each([
  ["203.0.113.7", "203.0.113.7"], ["::ffff:203.0.113.7", "203.0.113.7"], ["unknown", "unknown"],
  ["2001:db8:1:2::1", "2001:db8:1:2::/64"], ["2001:DB8:1:2:3:4:5:6", "2001:db8:1:2::/64"], ["2001:0db8::9", "2001:db8:0:0::/64"], ["::1", "0:0:0:0::/64"], ["fe80::1%eth0", "fe80:0:0:0::/64"],
])("limits count %s as %s", (address, network) => expect(networkOf(address)).toBe(network));
