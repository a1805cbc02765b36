import { describe, expect, it } from "vitest";
import { isPrivate } from "./private-address.ts";
import { readSettings } from "./settings.ts";

describe("the private address", () => {
  it.each(["127.0.0.1", "10.0.0.1", "172.16.0.1", "172.31.255.254", "192.168.1.1", "100.64.0.1", "100.127.255.254"])("%s is private", (address) => {
    expect(isPrivate(address)).toBe(true);
  });
  it.each(["0.0.0.0", "8.8.8.8", "172.15.0.1", "172.32.0.1", "192.169.0.1", "100.63.0.1", "100.128.0.1", "203.0.113.9", "not an address"])("%s is not", (address) => {
    expect(isPrivate(address)).toBe(false);
  });

  it("is refused in a sentence when it is public: event socket and mesh are never there", () => {
    expect(() => readSettings({ addresses: { private: "203.0.113.9" } }, {}, "Pulumi.test.yaml"))
      .toThrow(/Pulumi\.test\.yaml: 'houseline:addresses\.private' must be a private address .* never on a public one; it is "203\.0\.113\.9"/);
    expect(() => readSettings({ addresses: { private: "10.0.0.4" } }, {}, "Pulumi.test.yaml")).not.toThrow();
  });
});
