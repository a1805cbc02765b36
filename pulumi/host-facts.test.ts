import { describe, expect, it } from "vitest";
import { readFacts, unfitFor } from "./host-facts.ts";

const said = "os=debian\nrelease=12\nmachine=x86_64\nuser=0\ndocker=20.10.24\naddresses=127.0.0.1 203.0.113.10 10.0.0.2 ::1\noutgoing=172.31.5.20\nfirstPort=80\n";
const host = { name: "root@203.0.113.10", servers: "softswitch" as const, addresses: { edge: "0.0.0.0", private: "10.0.0.2", public: "203.0.113.10" } };
const ports = { applicationEdge: 443, switchEdge: 443, sipWs: 5_066, sip: 5_080, esl: 8_021, rtp: 16_384, app: 10_022, directory: 10_032, turn: 3_478, turnTls: 5_349, turnLocal: 10_042, turnRelay: 32_768 };
const turn = { enabled: false };

describe("what a host says of itself", () => {
  it("is read, and fits", () => {
    expect(readFacts(said)).toMatchObject({ os: "debian", release: "12", docker: "20.10.24", firstPort: 80 });
    expect(unfitFor(host, readFacts(said), { ports, turn })).toBeUndefined();
  });

  it.each([
    ["no Docker", "docker=20.10.24", "docker=", "No Docker answers on root@203.0.113.10"],
    ["ports of root's", "firstPort=80", "firstPort=1024", "keeps ports below 1024 for root, and the edge, which has no privileges, is to listen on 443"],
    ["another private address", "10.0.0.2", "10.0.0.9", "has no address 10.0.0.2, which the configuration gives as its 'private'. It has 127.0.0.1, 203.0.113.10, 10.0.0.9."],
  ])("%s keeps it from its part", (_, from, to, sentence) => {
    expect(unfitFor(host, readFacts(said.replace(from, to)), { ports, turn })).toContain(sentence);
  });

  it("behind a NAT has no public address itself: the setting for that is told, and what it is given must be the host's", () => {
    const behind = readFacts(said.replace("203.0.113.10", "172.31.5.20"));
    expect(unfitFor(host, behind, { ports, turn })).toBe("root@203.0.113.10 has no address 203.0.113.10, which the configuration gives as its 'public'. It has 127.0.0.1, 172.31.5.20, 10.0.0.2. Where a NAT before it translates 203.0.113.10 to one of these (as clouds do), give that one as 'houseline:hosts.softswitch.internal': it goes out by 172.31.5.20.");
    expect(unfitFor({ ...host, addresses: { ...host.addresses, internal: "172.31.5.20" } }, behind, { ports, turn })).toBeUndefined();
    expect(unfitFor({ ...host, addresses: { ...host.addresses, internal: "172.31.5.21" } }, behind, { ports, turn })).toBe("root@203.0.113.10 has no address 172.31.5.21, which the configuration gives as its 'internal'. It has 127.0.0.1, 172.31.5.20, 10.0.0.2.");
  });

  it("of IPv6 is looked at where one is given", () => {
    const both = { ...host, addresses: { ...host.addresses, public6: "2001:db8::10" } };
    expect(unfitFor(both, readFacts(said.replace("::1", "::1 2001:db8::10")), { ports, turn })).toBeUndefined();
    expect(unfitFor(both, readFacts(said), { ports, turn })).toBe("root@203.0.113.10 has no address 2001:db8::10, which the configuration gives as its 'public6'. It has ::1.");
  });

  it("of a relay is looked at where the switch is: the address of its own, and ports of root's", () => {
    const settings = { ports: { ...ports, turnTls: 443 }, turn: { enabled: true, address: "203.0.113.11" } };
    expect(unfitFor(host, readFacts(said), settings)).toContain("has no address 203.0.113.11, which the configuration gives as its 'turn.address'");
    expect(unfitFor(host, readFacts(said.replace("203.0.113.10", "203.0.113.10 203.0.113.11")), settings)).toBeUndefined();
    expect(unfitFor(host, readFacts(said.replace("firstPort=80", "firstPort=400")), { ...settings, ports: { ...settings.ports, turn: 300 } })).toContain("the relay, which has no privileges, is to listen on 300");
  });
});
