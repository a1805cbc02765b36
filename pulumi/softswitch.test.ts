import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import type { Host } from "./local-host.ts";
import { readSettings } from "./settings.ts";
import { Softswitch, switchContainer, type SoftswitchArgs } from "./softswitch.ts";

const args = (kind: "freeswitch" | "lab-switch"): Omit<SoftswitchArgs, "host" | "secrets" | "tls" | "site" | "certificates"> => ({
  stack: "test", settings: readSettings({}, {}, "nothing"), choice: { kind, why: "" },
  images: { sound: "sound:1", switch: `${kind}:1`, edge: "edge:1", secrets: "secrets:1" }, peers: ["10.0.0.2"], directoryUrls: ["http://127.0.0.1:10032/directory"], voicemailDirectory: "/data/voicemail",
});
const plan = (kind: "freeswitch" | "lab-switch", host: Partial<Host> = {}) => switchContainer({ ...args(kind), host: { privateAddress: "127.0.0.1", publicAddress: "127.0.0.1", ...host } });

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

describe("a softswitch in reserve, by the engine's mocks", () => {
  /** Names of the resources that a softswitch is made of, with the roles of its containers. */
  async function made(name: string): Promise<string[]> {
    const seen: string[] = [];
    await pulumi.runtime.setMocks({
      call: ({ inputs }) => inputs as Record<string, unknown>,
      newResource: ({ type, name: resource, inputs }) => {
        const { labels } = inputs as { labels?: { label: string; value: string }[] };
        if (type.startsWith("docker:")) seen.push(`${resource} ${labels!.find(({ label }) => label === "houseline.role")!.value}`);
        return { id: resource, state: inputs as Record<string, unknown> };
      },
    }, "houseline", "production");
    const host = { provider: new docker.Provider("docker", {}), privateAddress: "10.0.0.2", publicAddress: "203.0.113.10", edgeAddress: "0.0.0.0" };
    const secrets = { eslPassword: "e", directoryPassword: "d", meshPassword: "m", turnSecret: "", demoPassword: "", adminToken: "", databaseUrl: "", jwtSecret: "" };
    new Softswitch(name, { ...args("freeswitch"), host, secrets, tls: { kind: "off", files: {}, environment: {} }, site: "switch.example.com", certificates: undefined });
    await pulumi.runtime.disconnect();
    return seen.sort();
  }

  it("has resources of other names than the first one's, which a stack that is up knows, and containers of the same roles", async () => {
    expect(await made("softswitch")).toEqual([
      "freeswitch freeswitch", "freeswitch-sound freeswitch-sound", "softswitch-edge softswitch-edge", "softswitch-secrets softswitch-secrets", "softswitch-slots softswitch-slots", "softswitch-state softswitch-state",
    ]);
    expect(await made("standby")).toEqual([
      "standby-edge softswitch-edge", "standby-secrets standby-secrets", "standby-slots standby-slots", "standby-sound freeswitch-sound", "standby-state standby-state", "standby-switch freeswitch",
    ]);
  });
});
