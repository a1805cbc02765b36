import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { turnServer } from "../protocol/wire.ts";
import { readConfig } from "./config.ts";
import type { Session } from "./sessions/session.ts";
import { Turn } from "./turn.ts";

const urls = ["turn:switch.example.com:3478?transport=tcp", "turns:switch.example.com:5349?transport=tcp"];
const turn = new Turn({ urls, secret: "shared" });

describe("a credential of the relay", () => {
  it("is a name that ends in two hours, and a password that the relay can make of it too", () => {
    const now = Date.UTC(2026, 0, 1);
    const server = turn.serverFor("anna~k3f9", now)!;
    expect(server).toEqual({ urls, username: `${now / 1_000 + 7_200}:anna~k3f9`, credential: createHmac("sha1", "shared").update(server.username).digest("base64"), expiresAt: now + 7_200_000 });
    expect(turnServer.parse(server)).toEqual(server);
  });

  it("is another for another session, and for another secret", () => {
    expect(turn.serverFor("boris~x", 0)!.credential).not.toBe(turn.serverFor("anna~k3f9", 0)!.credential);
    expect(new Turn({ urls, secret: "other" }).serverFor("boris~x", 0)!.credential).not.toBe(turn.serverFor("boris~x", 0)!.credential);
  });

  it("is nobody's where there is no relay", () => {
    const none = new Turn({ urls: [], secret: "" });
    expect(none.serverFor("anna~k3f9")).toBeUndefined();
    expect(none.renew(() => [], () => {})).toBeUndefined();
  });
});

describe("before it ends", () => {
  beforeEach(() => { vi.useFakeTimers(); });
  afterEach(() => { vi.useRealTimers(); });

  it("each session with a socket is told a new one once an hour, spread over it; one without a socket is not", () => {
    const sessions = Array.from({ length: 600 }, (_, index) => ({ id: `${index}-${index * 7}`, connected: index > 0 }) as Session);
    const told = new Map<Session, number>();
    let most = 0;
    let together = 0;
    const timer = new Turn({ urls, secret: "shared" }).renew(() => sessions, (session) => { told.set(session, (told.get(session) ?? 0) + 1); together++; });
    for (let step = 0; step < 120; step++) {
      together = 0;
      vi.advanceTimersByTime(30_000);
      most = Math.max(most, together);
    }
    clearInterval(timer);
    expect([told.size, Math.max(...told.values()), told.has(sessions[0]!)]).toEqual([599, 1, false]);
    expect(most).toBeLessThan(60);
  });
});

describe("what the server is given of a relay", () => {
  const secrets = mkdtempSync(join(tmpdir(), "houseline-turn-"));
  afterAll(() => rmSync(secrets, { recursive: true }));
  for (const name of ["esl-password", "directory-password"]) writeFileSync(join(secrets, name), "x");
  const read = (given?: string) => readConfig({
    HOUSELINE_SLOT: "0", HOUSELINE_DOMAIN: "x", HOUSELINE_ORIGINS: "http://x", HOUSELINE_SWITCHES: JSON.stringify([{ name: "x", eslHost: "127.0.0.1", eslPort: 8_021, sipUrl: "ws://x/sip" }]), HOUSELINE_SECRETS: secrets, HOUSELINE_TURN_URLS: given,
  }).turn;

  it("is nothing, or its URLs and the secret that it shares", () => {
    expect(read()).toEqual({ urls: [], secret: "" });
    expect(() => read(urls.join(" "))).toThrow("turn-secret can't be read: the container must have the stack's secrets mounted there.");
    writeFileSync(join(secrets, "turn-secret"), "shared\n");
    expect(read(urls.join(" "))).toEqual({ urls, secret: "shared" });
  });

  it.each(["stun:x:3478", "turn:x", "turn:x:3478?transport=sctp", `${"turn:x:3478?transport=tcp ".repeat(5)}`])("is refused in words when it is '%s'", (given) => {
    expect(() => read(given)).toThrow(/^HOUSELINE_TURN_URLS must be at most four URLs such as turns:/);
  });
});
