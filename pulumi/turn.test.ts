import { describe, expect, it } from "vitest";
import { service } from "./containers.ts";
import { requireSecrets } from "./secrets.ts";
import { readSettings, redacted } from "./settings.ts";
import { turnContainer } from "./turn.ts";
import { turnUrls } from "./turn-settings.ts";

const softswitch = { ssh: "root@203.0.113.10", hostKey: "ssh-ed25519 AAAAC3Nz", public: "203.0.113.10" };
const turn = { enabled: true };
const here = (config: Record<string, unknown> = {}) => readSettings({ switch: { kind: "freeswitch" }, turn, ...config }, {}, "Pulumi.local.yaml");
const there = (config: Record<string, unknown> = {}) => here({ hosts: { kind: "ssh", softswitch }, site: "phone.example.com", tls: { kind: "private" }, ...config });
const secrets = { eslPassword: "esl-password", directoryPassword: "directory-password", meshPassword: "mesh-password" };

describe("a relay", () => {
  it("is off unless asked for: no image, no port, no secret, no URL", () => {
    const settings = readSettings({}, {}, "x");
    expect(settings.turn).toEqual({ enabled: false });
    expect(turnUrls(settings)).toEqual([]);
    expect(requireSecrets({ ...settings, secrets: { ...settings.secrets, ...secrets, turnSecret: "a-secret-of-before" } }).turnSecret).toBe("");
    // Ports that only a relay would take are anybody's.
    expect(() => readSettings({ ports: { app: 3_478 } }, {}, "x")).not.toThrow();
  });

  it("is reached by TCP at the address of the media on a developer's machine, and by TLS too wherever there is a name", () => {
    expect(turnUrls(here())).toEqual(["turn:127.0.0.1:3478?transport=tcp"]);
    expect(turnUrls(there({ switchSite: "switch.example.com" }))).toEqual(["turn:switch.example.com:3478?transport=tcp", "turns:switch.example.com:5349?transport=tcp"]);
    expect(turnUrls(there({ turn: { ...turn, site: "turn.example.com" }, ports: { turnTls: 443 } }))[1]).toBe("turns:turn.example.com:443?transport=tcp");
  });

  it("has its secret by a file, and what is shown of the configuration has it not", () => {
    expect(() => requireSecrets({ ...here(), secrets })).toThrow("The secret 'houseline:secrets.turnSecret' is not set.");
    const settings = here({ secrets: { ...secrets, turnSecret: "a-secret-of-the-relay" } });
    expect(requireSecrets(settings).turnSecret).toBe("a-secret-of-the-relay");
    expect(JSON.stringify(redacted(settings))).not.toContain("a-secret-of-the-relay");
    expect(JSON.stringify(service(turnContainer({ stack: "x", settings, host: { publicAddress: "127.0.0.1" }, images: { turn: "houseline/turn:1", secrets: "s" }, peers: ["127.0.0.1"] })))).not.toContain("a-secret-of-the-relay");
  });

  it("listens on an address of its own when it has one, and forwards to the media's alone, from there", () => {
    const settings = there({ turn: { ...turn, address: "203.0.113.11" }, ports: { turnTls: 443, applicationEdge: 443 }, hosts: { kind: "ssh", softswitch: { ...softswitch, edge: "203.0.113.10" } } });
    const { environment } = turnContainer({ stack: "x", settings, host: { publicAddress: "203.0.113.10" }, images: { turn: "houseline/turn:1", secrets: "s" }, peers: ["203.0.113.10"], tls: { kind: "private", files: {}, environment: {} } });
    expect(environment).toEqual({
      HOUSELINE_TURN_ADDRESS: "203.0.113.11", HOUSELINE_TURN_PORT: "3478", HOUSELINE_TURN_TLS_PORT: "443", HOUSELINE_TLS: "private", HOUSELINE_TURN_SITE: "phone.example.com",
      HOUSELINE_TURN_PEERS: "203.0.113.10", HOUSELINE_RELAY_ADDRESS: "203.0.113.10", HOUSELINE_TURN_LOCAL_PORT: "10042", HOUSELINE_RELAY_PORT: "32768", HOUSELINE_RELAY_PORTS: "5460", HOUSELINE_DOMAIN: "houseline.internal", HOUSELINE_DRAIN_SECONDS: "3600",
    });
  });

  it("behind a NAT listens on the host's own address and forwards from there, and browsers are told the name as before", () => {
    const settings = there({ hosts: { kind: "ssh", softswitch: { ...softswitch, internal: "172.31.5.20" } } });
    const { environment } = turnContainer({ stack: "x", settings, host: { publicAddress: "203.0.113.10", internalAddress: "172.31.5.20" }, images: { turn: "houseline/turn:1", secrets: "s" }, peers: ["172.31.5.20"] });
    expect(environment).toMatchObject({ HOUSELINE_TURN_ADDRESS: "172.31.5.20", HOUSELINE_RELAY_ADDRESS: "172.31.5.20", HOUSELINE_TURN_PEERS: "172.31.5.20" });
    expect(turnUrls(settings)[0]).toBe("turn:phone.example.com:3478?transport=tcp");
    expect(() => there({ hosts: { kind: "ssh", softswitch: { ...softswitch, private: "172.31.5.20", internal: "172.31.5.20" } } })).toThrow("which is the private one too (172.31.5.20)");
  });

  it.each<[string, () => unknown, string]>([
    ["with the lab switch", () => here({ switch: { kind: "lab" } }), "the stack runs the lab switch, through which no media goes"],
    ["with no source of FreeSWITCH", () => here({ switch: { kind: "auto" } }), "the stack runs the lab switch"],
    ["that is neither on nor off", () => here({ turn: { enabled: "perhaps" } }), "'houseline:turn.enabled' must be true or false"],
    ["at an address that is none", () => here({ turn: { ...turn, address: "relay.example.com" } }), "'houseline:turn.address' must be an IPv4 address"],
    ["by a name that is none", () => here({ turn: { ...turn, site: "https://relay" } }), "'houseline:turn.site' must be a host name in small letters"],
    ["with a key that there isn't", () => here({ turn: { ...turn, port: 443 } }), "there is no key 'houseline:turn.port'"],
    ["at a port of root's on this machine", () => here({ ports: { turnTls: 443 } }), "'houseline:ports.turnTls' is 443: the program has no privileges on this machine"],
    ["at the port of an edge that listens everywhere", () => there({ ports: { applicationEdge: 443, turnTls: 443 } }), "'houseline:ports.turnTls' takes port 443 and 'houseline:ports.applicationEdge' takes port 443: they overlap"],
    ["at the port of an edge on the same address", () => here({ ports: { turn: 8_443 } }), "they overlap; move one of them"],
    ["whose ports are the media's", () => here({ ports: { turnRelay: 16_000 } }), "'houseline:ports.rtp' takes ports 16384-32763 and 'houseline:ports.turnRelay' takes ports 16000-32379: they overlap"],
    ["whose own port is the directory's", () => here({ ports: { turnLocal: 10_030 } }), "'houseline:ports.turnLocal' takes ports 10030-10032 and 'houseline:ports.directory' takes ports 10032-10034: they overlap"],
    ["beyond the last port", () => here({ ports: { turnRelay: 50_000 } }), "beyond the last port, 65535"],
    ["to the address of SIP between switches", () => there({ hosts: { kind: "ssh", softswitch: { ...softswitch, public: "10.0.0.2", private: "10.0.0.2" } } }), "it would be a way to SIP between switches. Give 'houseline:hosts.softswitch.private' another address, such as 127.0.0.1."],
    ["by a name that nobody gets a certificate for", () => there({ tls: { kind: "acme" }, ports: { applicationEdge: 443 }, turn: { ...turn, site: "turn.example.com" } }), "certificates are got by ACME for the edges' names alone"],
    ["at an address of a server that is made", () => there({ hosts: { kind: "hcloud", hcloud: { sshFrom: "203.0.113.0/24", servers: 1 } }, turn: { ...turn, address: "203.0.113.11" } }), "a server that is made has one public address"],
  ])("%s is refused in words", (_, read, sentence) => expect(read).toThrow(sentence));
});
