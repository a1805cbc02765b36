import { describe, expect, it } from "vitest";
import { edgeContainer } from "./edge.ts";

const plan = (change: Partial<Parameters<typeof edgeContainer>[0]>) => edgeContainer({ stack: "x", role: "softswitch-edge", kind: "switch", image: "edge:1", healthySeconds: 60, site: "switch.example.com", address: "0.0.0.0", port: 8_443, upstreams: 5_066, ...change }).environment;

describe("an edge", () => {
  it.each([
    ["everywhere", "0.0.0.0", undefined, "0.0.0.0"],
    ["at one address", "203.0.113.10", undefined, "203.0.113.10"],
    ["everywhere of both families", "0.0.0.0", "2001:db8::10", "0.0.0.0 tcp6/[::]"],
    ["at one address of each", "203.0.113.10", "2001:db8::10", "203.0.113.10 tcp6/[2001:db8::10]"],
  ])("listens %s", (_, address, address6, bind) => {
    expect(plan({ address, address6 }).HOUSELINE_BIND).toBe(bind);
  });

  it("hands who comes by IPv6 on to another address only where the switch behind it has one for them", () => {
    expect(plan({ address6: "2001:db8::10", byFamily: true })).toMatchObject({ HOUSELINE_IPV6_UPSTREAM: "127.0.0.2" });
    for (const change of [{ byFamily: true }, { address6: "2001:db8::10" }]) expect(plan(change)).not.toHaveProperty("HOUSELINE_IPV6_UPSTREAM");
  });
});
