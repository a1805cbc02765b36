import { describe, expect, it } from "vitest";
import type { Host } from "./local-host.ts";
import { readSettings } from "./settings.ts";
import { switchContainer } from "./softswitch.ts";

const plan = (kind: "freeswitch" | "lab-switch", host: Partial<Host> = {}) => switchContainer({
  stack: "test", settings: readSettings({}, {}, "nothing"), choice: { kind, why: "" }, host: { privateAddress: "127.0.0.1", publicAddress: "127.0.0.1", ...host },
  images: { sound: "sound:1", switch: `${kind}:1`, edge: "edge:1", secrets: "secrets:1" }, peers: ["10.0.0.2"], directoryUrls: ["http://127.0.0.1:10032/directory"], voicemailDirectory: "/data/voicemail",
});

describe("the container of the switch", () => {
  it("has the host's directory for voicemail when it is FreeSWITCH", () => {
    expect(plan("freeswitch").volumes).toEqual([{ hostPath: "/data/voicemail", containerPath: "/var/lib/houseline/voicemail" }]);
  });

  it("is told the one address of the host that media comes to, and behind a NAT the host's own beside it", () => {
    expect(plan("freeswitch", { publicAddress: "203.0.113.10" }).environment).toMatchObject({ HOUSELINE_PUBLIC_IP: "203.0.113.10" });
    expect(plan("freeswitch").environment).not.toHaveProperty("HOUSELINE_INTERNAL_IP");
    expect(plan("freeswitch", { publicAddress: "203.0.113.10", internalAddress: "172.31.5.20" }).environment).toMatchObject({ HOUSELINE_PUBLIC_IP: "203.0.113.10", HOUSELINE_INTERNAL_IP: "172.31.5.20" });
    expect(plan("freeswitch", { publicAddress6: "2001:db8::10" }).environment).toMatchObject({ HOUSELINE_PUBLIC_IP: "127.0.0.1", HOUSELINE_PUBLIC_IP6: "2001:db8::10" });
  });

  it("has nothing of the host when it is the lab switch", () => expect(plan("lab-switch").volumes).toEqual([]));
});
