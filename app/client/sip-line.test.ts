import { describe, expect, test, vi } from "vitest";
import { Registration } from "./registration.ts";

vi.mock("./sip-line.ts", async (original) => {
  const { SipLine } = await original<typeof import("./sip-line.ts")>();
  return { SipLine: class extends SipLine { override start(): void {} } };
});

const account = { url: "ws://127.0.0.1:1/sip/0", domain: "x.internal", user: "anna~k3f9", password: "p", kind: "freeswitch" as const };
const turn = (username: string) => ({ urls: ["turns:x.example.com:5349?transport=tcp"], username, credential: `of ${username}`, expiresAt: 1 });

describe("the relay of a line", () => {
  test("is none unless the server names one", () => {
    const registration = new Registration();
    registration.use(account);
    expect(registration.line!.iceServers).toEqual([]);
  });

  test("gets a new credential for the legs to come while the registration stays", () => {
    const registration = new Registration();
    registration.use({ ...account, turn: turn("1:anna~k3f9") });
    const { line } = registration;
    expect(line!.iceServers).toEqual([{ urls: ["turns:x.example.com:5349?transport=tcp"], username: "1:anna~k3f9", credential: "of 1:anna~k3f9" }]);
    registration.use({ ...account, turn: turn("2:anna~k3f9") });
    expect(registration.line).toBe(line);
    expect(line!.iceServers[0]!.username).toBe("2:anna~k3f9");
    registration.use(account);
    expect([registration.line, line!.iceServers]).toEqual([line, []]);
  });
});
