import { describe, expect, it } from "vitest";
import { hasStandby, isOneHost, mediaAddressOf, placementOf, publicAddressOf } from "./placement.ts";
import { readSettings } from "./settings.ts";
import { applicationOrigins, certifiedNames, controlUrls, pageUrl, sipUrl, standbySiteOf, tlsKindOf } from "./sites.ts";
import { directoryUrls } from "./softswitch.ts";

const softswitch = { ssh: "root@203.0.113.10", hostKey: "ssh-ed25519 AAAAC3Nz", private: "10.0.0.2", public: "203.0.113.10" };
const application = { ssh: "root@203.0.113.11", hostKey: "ssh-ed25519 AAAAC3Nz", private: "10.0.0.3" };
const standby = { ssh: "root@203.0.113.12", hostKey: "ssh-ed25519 AAAAC3Nz", private: "10.0.0.4", public: "203.0.113.12", site: "switch2.example.com" };
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

  it("is behind a NAT, when the address that its public one is translated to is given: media comes to that, and browsers to the public one", () => {
    const { softswitch: addresses } = placementOf(read({ hosts: { kind: "ssh", softswitch: { ...softswitch, internal: "172.31.5.20", edge: "172.31.5.20" } } }));
    expect(addresses).toEqual({ edge: "172.31.5.20", private: "10.0.0.2", public: "203.0.113.10", internal: "172.31.5.20" });
    expect([mediaAddressOf(addresses), publicAddressOf(addresses)]).toEqual(["172.31.5.20", "203.0.113.10"]);
    const plain = { edge: "203.0.113.9", private: "10.0.0.2", public: "203.0.113.10" };
    expect([mediaAddressOf(plain), publicAddressOf(plain), publicAddressOf({ ...plain, edge: "0.0.0.0", public: "0.0.0.0" })]).toEqual(["203.0.113.10", "203.0.113.9", undefined]);
  });

  it("has an address of IPv6 where one is given, as systems write it", () => {
    expect(placementOf(read({ hosts: { kind: "ssh", softswitch: { ...softswitch, public6: "2001:0DB8:0:0:0:0:0:10" } } })).softswitch).toMatchObject({ public: "203.0.113.10", public6: "2001:db8::10" });
    for (const address of ["203.0.113.10", "fe80::1", "::", "::ffff:203.0.113.10"]) expect(() => read({ hosts: { kind: "ssh", softswitch: { ...softswitch, public6: address } } }), address).toThrow("'houseline:hosts.softswitch.public6' must be an IPv6 address");
  });

  it("is a host more, with a name of its own, for a softswitch in reserve", () => {
    const three = read({ hosts: { kind: "ssh", softswitch, application, standby } });
    expect([hasStandby(three), placementOf(three).standby]).toEqual([true, { edge: "0.0.0.0", private: "10.0.0.4", public: "203.0.113.12" }]);
    expect(certifiedNames(three)).toEqual(["phone.example.com", "switch2.example.com"]);
    expect(sipUrl(three, standbySiteOf(three))).toBe("wss://switch2.example.com:8443/sip");
    const made = read({ hosts: { kind: "hcloud", hcloud: { servers: 3, sshFrom: "203.0.113.0/24" }, standby: { site: "switch2.example.com" } } });
    expect(placementOf(made).standby).toEqual({ edge: "0.0.0.0", private: "10.20.0.4", public: "0.0.0.0" });
    const two = read({ hosts: { kind: "ssh", softswitch, application } });
    expect([hasStandby(two), placementOf(two).standby, standbySiteOf(two)]).toEqual([false, undefined, undefined]);
  });

  const reserve = (change: Record<string, unknown>) => ({ hosts: { kind: "ssh", softswitch, application, standby: { ...standby, ...change } } });

  it.each([
    ["no name", reserve({ site: undefined }), "'houseline:hosts.standby.site' is not given: browsers reach the softswitch in reserve by a name of its own"],
    ["the page's name", reserve({ site: "phone.example.com" }), "'houseline:hosts.standby.site' and 'houseline:site' are both phone.example.com"],
    ["the first switch's name", { ...reserve({}), switchSite: "switch2.example.com" }, "'houseline:hosts.standby.site' and 'houseline:switchSite' are both switch2.example.com"],
    ["no login", reserve({ ssh: undefined }), "is given, but 'houseline:hosts.standby.ssh' doesn't say which host"],
    ["no private address", reserve({ private: undefined }), "'houseline:hosts.standby.private' is not given"],
    ["loopback as the private one", reserve({ private: "127.0.0.1" }), "'houseline:hosts.standby.private' is 127.0.0.1"],
    ["a public one as the private one", reserve({ private: "203.0.113.12" }), "'houseline:hosts.standby.private' must be a private address"],
    ["no address for media", reserve({ public: undefined }), "'houseline:hosts.standby.public' is not given"],
    ["the first switch's login", reserve({ ssh: softswitch.ssh }), "'houseline:hosts.standby.ssh' and 'houseline:hosts.softswitch.ssh' are both root@203.0.113.10"],
    ["the application server's login", reserve({ ssh: application.ssh }), "'houseline:hosts.standby.ssh' and 'houseline:hosts.application.ssh' are both root@203.0.113.11"],
    ["the first switch's private address", reserve({ private: softswitch.private }), "'houseline:hosts.standby.private' and 'houseline:hosts.softswitch.private' are both 10.0.0.2"],
    ["the first switch's address for media", reserve({ public: softswitch.public }), "'houseline:hosts.standby.public' and 'houseline:hosts.softswitch.public' are both 203.0.113.10"],
    ["the application server beside the first switch", { hosts: { kind: "ssh", softswitch, standby } }, "the application server, which sends people there, is on that host too"],
    ["a third server without a name", { hosts: { kind: "hcloud", hcloud: { servers: 3, sshFrom: "203.0.113.0/24" } } }, "'houseline:hosts.standby.site' is not given"],
    ["a name without a third server", { hosts: { kind: "hcloud", hcloud: { sshFrom: "203.0.113.0/24" }, standby: { site: "switch2.example.com" } } }, "'houseline:hosts.hcloud.servers' is 2: the softswitch in reserve is the third server"],
    ["a login of a server that is made", { hosts: { kind: "hcloud", hcloud: { servers: 3, sshFrom: "203.0.113.0/24" }, standby } }, "'houseline:hosts.standby.ssh' are for hosts that are there"],
    ["public names by ACME without port 443 at the switches", { ...reserve({}), tls: { kind: "acme" }, ports: { applicationEdge: 443 } }, "whose authority comes to port 443"],
    ["media on the private address, with a relay", { ...reserve({ public: "10.0.0.4" }), switch: { kind: "freeswitch" }, turn: { enabled: true } }, "Give 'houseline:hosts.standby.private' another address"],
  ])("a softswitch in reserve with %s is refused in words", (_, config, sentence) => {
    expect(() => read(config)).toThrow(sentence);
  });

  const database = { secrets: { databaseUrl: "postgres://houseline:a-secret-word@10.0.0.9:5432/houseline" } };
  const second = { ssh: "root@203.0.113.13", hostKey: "ssh-ed25519 AAAAC3Nz", private: "10.0.0.5", site: "phone2.example.com" };
  const third = { ...second, ssh: "root@203.0.113.14", private: "10.0.0.6", site: "phone3.example.com" };
  const several = (...more: Record<string, unknown>[]) => ({ ...database, hosts: { kind: "ssh", softswitch, application, moreApplications: more } });

  it("is a host for each of several application servers, with names and private addresses of their own", () => {
    const settings = read({ ...several(second, third), ports: { applicationEdge: 443, switchEdge: 443 } });
    expect(placementOf(settings).moreApplications.map(({ private: address }) => address)).toEqual(["10.0.0.5", "10.0.0.6"]);
    expect(certifiedNames(settings)).toEqual(["phone.example.com", "phone2.example.com", "phone3.example.com"]);
    expect(applicationOrigins(settings)).toEqual(["https://phone.example.com", "https://phone2.example.com", "https://phone3.example.com"]);
    expect(controlUrls(settings, "phone2.example.com")).toEqual(["wss://phone2.example.com/ws", "wss://phone.example.com/ws", "wss://phone3.example.com/ws"]);
    expect(directoryUrls(["10.0.0.3", "10.0.0.5"], 10_032)).toEqual(["10032", "10033", "10034"].flatMap((port) => [`http://10.0.0.3:${port}/directory`, `http://10.0.0.5:${port}/directory`]));
    const made = read({ ...database, hosts: { kind: "hcloud", hcloud: { applicationServers: 2, sshFrom: "203.0.113.0/24" }, moreApplications: [{ site: "phone2.example.com" }] } });
    expect(placementOf(made).moreApplications).toEqual([{ edge: "0.0.0.0", private: "10.20.0.5", public: "0.0.0.0" }]);
    expect(placementOf(read({ hosts: { kind: "ssh", softswitch, application } })).moreApplications).toEqual([]);
  });

  it("is told by the environment as JSON", () => {
    const config = { site: "phone.example.com", tls: { kind: "private" }, switch: { kind: "lab" }, ...database, hosts: { kind: "ssh", softswitch, application } };
    const fromEnvironment = (list: unknown) => readSettings(config, { HOUSELINE_HOSTS_MORE_APPLICATIONS: typeof list === "string" ? list : JSON.stringify(list) }, "x");
    expect(fromEnvironment([second]).hosts.moreApplications).toEqual([second]);
    expect(() => fromEnvironment("phone2.example.com")).toThrow('the environment variable HOUSELINE_HOSTS_MORE_APPLICATIONS must be a list; it is "phone2.example.com".');
    expect(() => fromEnvironment([{ ...second, private: "203.0.113.13" }])).toThrow("the environment variable HOUSELINE_HOSTS_MORE_APPLICATIONS must be a private address");
  });

  it.each([
    ["no database of their own", { ...several(second), secrets: {} }, "several application servers share one PostgreSQL: give it as the secret 'houseline:secrets.databaseUrl' (HOUSELINE_SECRETS_DATABASE_URL)"],
    ["a database on everybody's own loopback", { ...several(second), secrets: { databaseUrl: "postgres://u:p@localhost/d" } }, "leads to the host's own loopback"],
    ["four of them", several(second, third, second), "must be a list of at most 2"],
    ["a key that isn't there", several({ ...second, sites: "x" }), "there is no key 'houseline:hosts.moreApplications.0.sites'"],
    ["no name", several({ ...second, site: undefined }), "'houseline:hosts.moreApplications.0.site' is not given"],
    ["the page's name", several({ ...second, site: "phone.example.com" }), "'houseline:hosts.moreApplications.0.site' and 'houseline:site' are both phone.example.com"],
    ["one name for two", several(second, { ...third, site: second.site }), "'houseline:hosts.moreApplications.1.site' and 'houseline:hosts.moreApplications.0.site' are both phone2.example.com"],
    ["no login", several({ ...second, ssh: undefined }), "'houseline:hosts.moreApplications.0.ssh' doesn't say which host"],
    ["no private address", several({ ...second, private: undefined }), "'houseline:hosts.moreApplications.0.private' is not given"],
    ["the first one's host", several({ ...second, ssh: application.ssh }), "'houseline:hosts.moreApplications.0.ssh' and 'houseline:hosts.application.ssh' are both root@203.0.113.11"],
    ["one private address for two", several(second, { ...third, private: second.private }), "'houseline:hosts.moreApplications.1.private' and 'houseline:hosts.moreApplications.0.private' are both 10.0.0.5"],
    ["the first beside the switch", { ...database, hosts: { kind: "ssh", softswitch, moreApplications: [second] } }, "the first one is on the softswitch's: give it one of its own ('houseline:hosts.application')"],
    ["this machine", { ...database, site: "localhost", hosts: { moreApplications: [second] } }, "'houseline:hosts.kind' is local"],
    ["a number of servers and no names", { ...database, hosts: { kind: "hcloud", hcloud: { applicationServers: 2, sshFrom: "203.0.113.0/24" } } }, "'houseline:hosts.moreApplications' has 0 of them: give the name of each but the first there"],
    ["names and no number of servers", { ...database, hosts: { kind: "hcloud", hcloud: { sshFrom: "203.0.113.0/24" }, moreApplications: [{ site: "phone2.example.com" }] } }, "'houseline:hosts.hcloud.applicationServers' is 1, and 'houseline:hosts.moreApplications' has 1 of them"],
    ["a login of a server that is made", { ...database, hosts: { kind: "hcloud", hcloud: { applicationServers: 2, sshFrom: "203.0.113.0/24" }, moreApplications: [second] } }, "are for hosts that are there ('ssh')"],
  ])("several application servers with %s are refused in words", (_, config, sentence) => {
    expect(() => read(config)).toThrow(sentence);
  });

  it.each([
    ["a NAT that translates an address to itself", { hosts: { kind: "ssh", softswitch: { ...softswitch, internal: "203.0.113.10" } } }, "'houseline:hosts.softswitch.internal' and 'houseline:hosts.softswitch.public' are both 203.0.113.10: without a NAT that translates one to the other leave 'hosts.softswitch.internal' out."],
    ["the same on this machine", { addresses: { internal: "127.0.0.1" } }, "'houseline:addresses.internal' and 'houseline:addresses.public' are both 127.0.0.1"],
    ["a NAT before servers of Hetzner Cloud", { hosts: { kind: "hcloud", softswitch: { internal: "10.20.0.2" }, hcloud: { sshFrom: "203.0.113.0/24", servers: 1 } } }, "servers of Hetzner Cloud have their public addresses themselves"],
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
