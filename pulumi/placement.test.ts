import { describe, expect, it } from "vitest";
import { isOneHost, placementOf } from "./placement.ts";
import { readSettings } from "./settings.ts";
import { pageUrl, sipUrl, tlsKindOf } from "./sites.ts";

const softswitch = { ssh: "root@203.0.113.10", hostKey: "ssh-ed25519 AAAAC3Nz", private: "10.0.0.2", public: "203.0.113.10" };
const application = { ssh: "root@203.0.113.11", hostKey: "ssh-ed25519 AAAAC3Nz", private: "10.0.0.3" };
const read = (config: Record<string, unknown>) => readSettings({ site: "phone.example.com", tls: { kind: "private" }, switch: { kind: "lab" }, ...config }, {}, "Pulumi.production.yaml");

describe("where servers are", () => {
  it("is this machine unless told", () => {
    const settings = readSettings({}, {}, "x");
    expect(isOneHost(settings)).toBe(true);
    expect(placementOf(settings).softswitch).toEqual({ edge: "127.0.0.1", private: "127.0.0.1", public: "127.0.0.1" });
    expect([pageUrl(settings), sipUrl(settings)]).toEqual(["http://localhost:8080/", "ws://localhost:8443/sip"]);
  });

  it("is one host, or one for each", () => {
    const one = read({ hosts: { kind: "ssh", softswitch: { ...softswitch, private: undefined } } });
    expect(placementOf(one).softswitch).toEqual({ edge: "0.0.0.0", private: "127.0.0.1", public: "203.0.113.10" });
    expect(placementOf(one).application).toEqual(placementOf(one).softswitch);
    const two = read({ hosts: { kind: "ssh", softswitch, application }, switchSite: "switch.example.com", ports: { applicationEdge: 443, switchEdge: 443 } });
    expect(placementOf(two).application.private).toBe("10.0.0.3");
    expect([pageUrl(two), sipUrl(two)]).toEqual(["https://phone.example.com/", "wss://switch.example.com/sip"]);
  });

  it.each([
    ["no host", { hosts: { kind: "ssh" } }, "'houseline:hosts.softswitch.ssh' doesn't say which host"],
    ["two hosts without a private network", { hosts: { kind: "ssh", softswitch, application: { ...application, private: undefined } } }, "they need a private network between them, and 'houseline:hosts.application.private' is not given"],
    ["loopback between two hosts", { hosts: { kind: "ssh", softswitch: { ...softswitch, private: "127.0.0.1" }, application } }, "'houseline:hosts.softswitch.private' is 127.0.0.1"],
    ["one private address for both", { hosts: { kind: "ssh", softswitch, application: { ...application, private: "10.0.0.2" } } }, "each host has its own"],
    ["a public address as the private one", { hosts: { kind: "ssh", softswitch: { ...softswitch, private: "203.0.113.10" }, application } }, "'houseline:hosts.softswitch.private' must be a private address"],
    ["no source of FreeSWITCH", { hosts: { kind: "ssh", softswitch }, switch: { kind: "auto" } }, "the lab switch is never chosen for real hosts"],
    ["a name that is this machine's", { hosts: { kind: "ssh", softswitch }, site: "localhost" }, "give the name that browsers reach the application server by"],
    ["a login without a user", { hosts: { kind: "ssh", softswitch: { ...softswitch, ssh: "203.0.113.10" } } }, "must be a login such as root@203.0.113.10"],
    ["a login with an option of ssh's", { hosts: { kind: "ssh", softswitch: { ...softswitch, ssh: "-oProxyCommand=x@h" } } }, "must be a login such as root@203.0.113.10"],
    ["both edges at one port of one host", { hosts: { kind: "ssh", softswitch }, ports: { applicationEdge: 443, switchEdge: 443 } }, "they overlap; move one of them"],
    ["a port of root's on this machine", { ports: { applicationEdge: 443 } }, "no port below 1024"],
    ["public names by ACME without port 443", { tls: { kind: "auto" }, hosts: { kind: "ssh", softswitch } }, "whose authority comes to port 443"],
    ["files that are not named", { tls: { kind: "files", certificate: "/etc/c.pem" } }, "'houseline:tls.key' doesn't say which"],
  ])("%s is refused in words", (_, config, sentence) => {
    expect(() => read(config)).toThrow(sentence);
  });
});

describe("how names are proved", () => {
  it.each([
    ["localhost", undefined, "off"], ["phone.example.com", undefined, "acme"], ["phone.example.com", "switch.corp.internal", "private"], ["phone.local", undefined, "private"], ["192.168.1.10", undefined, "private"], ["telephone", undefined, "private"],
  ])("%s with %s: %s", (site, switchSite, kind) => {
    expect(tlsKindOf({ ...readSettings({ tls: { kind: "auto" } }, {}, "x"), site, ...(switchSite === undefined ? {} : { switchSite }) })).toBe(kind);
  });
});
