import type { Deployment } from "@pulumi/pulumi/automation/index.js";
import { beforeEach, describe, expect, it } from "vitest";
import { followHosts } from "./moved-hosts.ts";

interface Resource { urn: string; type: string; id?: string; provider?: string; inputs?: Record<string, unknown>; outputs?: Record<string, unknown> }

const urn = (type: string, name: string) => `urn:pulumi:production::houseline::${type}::${name}`;
const provider = (name: string, host: string): Resource => ({ urn: urn("pulumi:providers:docker", name), type: "pulumi:providers:docker", id: `id-of-${name}`, inputs: { host }, outputs: { host } });
const container = (name: string, on: Resource): Resource => ({ urn: urn("docker:index/container:Container", name), type: "docker:index/container:Container", id: name, provider: `${on.urn}::${on.id}` });

describe("hosts in the engine's state", () => {
  const softswitch = () => provider("softswitch-host-docker", "ssh://root@203.0.113.10:22");
  const standby = () => provider("standby-host-docker", "ssh://root@203.0.113.12:22");
  let state: { version: number; deployment: { resources: Resource[] } };
  let imports: number;
  const stack = {
    exportStack: () => Promise.resolve(structuredClone(state) as Deployment),
    importStack: (changed: Deployment) => {
      state = changed as typeof state;
      imports++;
      return Promise.resolve();
    },
  };

  beforeEach(() => {
    imports = 0;
    state = { version: 3, deployment: { resources: [softswitch(), standby(), container("freeswitch", softswitch()), container("standby-switch", standby())] } };
  });
  const names = () => state.deployment.resources.map((one) => one.urn.split("::").at(-1));
  const hosts = (changed: Record<string, string>) => new Map(Object.entries({ "softswitch-host-docker": "ssh://root@203.0.113.10:22", "standby-host-docker": "ssh://root@203.0.113.12:22", ...changed }));

  it("that are where they were are left alone", async () => {
    expect(await followHosts(stack, hosts({}))).toEqual([]);
    expect(imports).toBe(0);
  });

  it("that are elsewhere are asked there, for all that they had", async () => {
    expect(await followHosts(stack, hosts({ "softswitch-host-docker": "ssh://root@203.0.113.20:22" }))).toEqual(["ssh://root@203.0.113.10:22"]);
    expect(state.deployment.resources[0]).toMatchObject({ inputs: { host: "ssh://root@203.0.113.20:22" }, outputs: { host: "ssh://root@203.0.113.20:22" } });
    expect(names()).toHaveLength(4);
  });

  it("that the stack has no more are forgotten with what they had", async () => {
    const { "standby-host-docker": gone, ...rest } = Object.fromEntries(hosts({}));
    expect(await followHosts(stack, new Map(Object.entries(rest)))).toEqual([gone]);
    expect(names()).toEqual(["softswitch-host-docker", "freeswitch"]);
  });

  it("that have another name now keep what they have: the engine itself replaces it", async () => {
    expect(await followHosts(stack, new Map([["host-docker", "ssh://root@203.0.113.10:22"], ["standby-host-docker", "ssh://root@203.0.113.12:22"]]))).toEqual([]);
    state.deployment.resources.push(provider("local-docker", "unix:///var/run/docker.sock"));
    expect(await followHosts(stack, hosts({}))).toEqual([]);
    expect(imports).toBe(0);
  });
});
