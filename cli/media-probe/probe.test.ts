import { createSocket, type Socket } from "node:dgram";
import { afterEach, describe, expect, it } from "vitest";
import { mediaFindings } from "./findings.ts";
import { placesOf, probeMedia, type PortOutcome } from "./probe.ts";
import { respondHere, type Responder } from "./there.ts";

const firstPort = 40_000;
const about = { address: "203.0.113.10", firstPort, setting: "houseline:hosts.softswitch.public" };
const outcome = (port: number, seen: number, answered: number, isRefused = false): PortOutcome =>
  ({ port, sent: 50, seen, answered, times: Array.from({ length: answered }, (_, index) => 12 + index / 10), isRefused, ...(answered > 0 ? { seenAs: { address: "198.51.100.7", port: 1 } } : {}) });
const words = (...outcomes: PortOutcome[]) => mediaFindings(outcomes, about).map(({ state, sentence }) => `${state}: ${sentence}`);

describe("the places that a probe of media tries", () => {
  it("are first, middle and last of each slot, each with others near it", () => {
    const places = placesOf(16_384);
    expect(places.map(([first]) => first)).toEqual([16_384, 19_114, 21_842, 21_844, 24_574, 27_302, 27_304, 30_034, 32_762]);
    expect(places[0]!.slice(0, 3)).toEqual([16_384, 16_386, 16_388]);
    expect(places.at(-1)!.slice(0, 3)).toEqual([32_762, 32_760, 32_758]);
    expect(Math.max(...places.flat())).toBeLessThan(16_384 + 3 * 5_460);
  });
});

describe("a probe of media, on loopback", () => {
  const taken: Socket[] = [];
  afterEach(() => { for (const socket of taken.splice(0)) socket.close(); });

  it("sends a second of a call to each place, and passes over a port that a call has", async () => {
    const call = createSocket("udp4");
    taken.push(call);
    await new Promise<void>((resolve) => call.bind({ port: firstPort, address: "127.0.0.1", exclusive: true }, resolve));
    const outcomes = await probeMedia({ address: "127.0.0.1", local: "127.0.0.1", firstPort }, respondHere);
    expect(outcomes).toHaveLength(9);
    expect(outcomes[0]!.port).toBe(firstPort + 2);
    for (const one of outcomes) expect(one).toMatchObject({ sent: 50, seen: 50, answered: 50, isRefused: false, seenAs: { address: "127.0.0.1" } });
    expect(mediaFindings(outcomes, { ...about, address: "127.0.0.1" })).toEqual([{ state: "found", sentence: expect.stringMatching(/^media: 450 of 450 packets to ports 40002, .* of 127\.0\.0\.1 came back by UDP, after [\d.]+ ms \(median\), .* this machine was seen as 127\.0\.0\.1$/) }]);
  });

  it("finds that an address leads elsewhere, and says when the host doesn't have the one that it is to listen on", async () => {
    const outcomes = await probeMedia({ address: "127.0.0.3", local: "127.0.0.2", firstPort }, respondHere);
    expect(outcomes.map(({ seen, isRefused }) => [seen, isRefused])).toEqual(Array(9).fill([0, true]));
    await expect(probeMedia({ address: "127.0.0.1", local: "192.0.2.1", firstPort }, respondHere)).rejects.toThrow("no port of it could be listened on at 192.0.2.1 (EADDRNOTAVAIL)");
  });

  it("a responder ends by itself when nobody tells it to, and answers nobody without the key", async () => {
    const responder: Responder = await respondHere({ address: "127.0.0.1", places: [[firstPort + 40]], key: "a key", seconds: 1 });
    const stranger = createSocket("udp4");
    taken.push(stranger);
    let answers = 0;
    stranger.on("message", () => { answers++; });
    stranger.send("anybody there?", firstPort + 40, "127.0.0.1");
    await expect(responder.ended).resolves.toBeUndefined();
    expect(answers).toBe(0);
  });
});

describe("what a probe tells", () => {
  it("is how long packets took, and that too many were lost", () => {
    expect(words(outcome(16_384, 50, 50), outcome(19_114, 50, 50))).toEqual(["found: media: 100 of 100 packets to ports 16384, 19114 of 203.0.113.10 came back by UDP, after 15 ms (median), 17 ms at most; this machine was seen as 198.51.100.7"]);
    expect(words(outcome(16_384, 45, 40))[0]).toMatch(/^advice: .*20 % were lost: voices break up over this network$/);
  });

  it.each<[string, PortOutcome[], string]>([
    ["a firewall that lets nothing in", [outcome(40_000, 0, 0), outcome(42_730, 0, 0)], "nothing that was sent by UDP to 203.0.113.10 (ports 40000, 42730) arrived on the host. Let UDP 40000-56379 in, from everybody, at the firewall before the host"],
    ["an address of another machine", [outcome(40_000, 0, 0, true)], "203.0.113.10 refuses what is sent to it by UDP (port 40000), and the host got nothing: the address leads to another machine, or a firewall rejects it. Check 'houseline:hosts.softswitch.public'"],
    ["a firewall that lets some ports in", [outcome(40_000, 50, 50), outcome(45_460, 0, 0)], "UDP to port 45460 of 203.0.113.10 does not arrive on the host, and to port 40000 it does. Let all of UDP 40000-56379 in"],
    ["answers that get lost", [outcome(40_000, 50, 0)], "what was sent by UDP to port 40000 of 203.0.113.10 arrived on the host, and its answers do not come back. Let UDP out from the host's ports 40000-56379"],
  ])("%s", (_, outcomes, sentence) => {
    expect(words(...outcomes)[0]).toContain(`missing: media: ${sentence}`);
  });
});
