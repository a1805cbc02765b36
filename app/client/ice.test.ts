import { expect, test } from "vitest";
import { isUsable } from "./ice.ts";

test.each([
  ["candidate:1 1 udp 2122260223 192.0.2.7 51000 typ host generation 0", true],
  ["candidate:1 1 UDP 2122260223 4f1c2d.local 51000 typ host", true],
  ["candidate:1 1 udp 2122262783 2001:db8::7 51000 typ host", false],
  ["candidate:1 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active", false],
  ["candidate:1 2 udp 2122260223 192.0.2.7 51001 typ host", false],
  ["", false],
])("%s: %s", (candidate, usable) => expect(isUsable(candidate)).toBe(usable));
