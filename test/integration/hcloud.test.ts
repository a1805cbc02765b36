import { randomInt } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../pulumi/process.ts";
import { Deployment, root, type CommandResult } from "../support/deployment.ts";
import { docker } from "../support/docker.ts";
import { plannedOfLabStack } from "../support/engine.ts";
import { imageOf, noHosts } from "../support/host.ts";

describe.skipIf(noHosts !== undefined)(`a stack at Hetzner Cloud (a plugin of the tests in the place of Pulumi's, whose server is a machine here)${noHosts === undefined ? "" : ` (skipped: ${noHosts})`}`, () => {
  let deployment: Deployment;
  let folder: string;
  let environment: Record<string, string>;
  const base = `10.214.${randomInt(1, 255)}`;
  const at = (name: string) => join(folder, name);
  const asked = () => readFileSync(at("log"), "utf8").trim().split("\n");
  const forget = () => writeFileSync(at("log"), "");
  const hcloud = { servers: 1, sshFrom: "10.214.0.0/16" };
  let config: Record<string, unknown>;

  beforeAll(async () => {
    deployment = await Deployment.prepare();
    folder = mkdtempSync(join(tmpdir(), "houseline-hcloud-"));
    await docker("network", "create", "--label", `houseline.stack=${deployment.stack}`, "--subnet", `${base}.0/24`, deployment.stack);
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", at("id")]);
    mkdirSync(at("bin"));
    writeFileSync(at("bin/pulumi-resource-hcloud"), `#!/bin/sh\nexec ${process.execPath} --disable-warning=ExperimentalWarning ${join(root, "test/support/hcloud/plugin.ts")} "$@"\n`);
    chmodSync(at("bin/pulumi-resource-hcloud"), 0o755);
    forget();
    const planned = await plannedOfLabStack();
    const named = (name: string) => planned.find((image) => image.name === name)!.reference;
    const cloud = { stack: deployment.stack, network: deployment.stack, base, image: await imageOf("ready"), log: at("log") };
    environment = { PATH: `${at("bin")}:${process.env.PATH}`, HCLOUD_TOKEN: "a".repeat(64), HOUSELINE_TEST_CLOUD: JSON.stringify(cloud) };
    config = { site: "phone.example.test", switch: { kind: "lab" }, images: { labSwitch: named("lab-switch"), appServer: named("app-server"), edge: named("edge"), sound: named("freeswitch-sound") } };
    await deployment.configure({ ...config, hosts: { kind: "hcloud", identityFile: at("id"), hcloud } });
  });
  afterAll(async () => {
    await deployment?.forget();
    rmSync(folder, { recursive: true, force: true });
  });

  const command = (name: string, ...words: string[]): Promise<CommandResult> => deployment.runWith(environment, name, ...words);
  const servers = () => docker("ps", "--quiet", "--filter", `label=houseline.stack=${deployment.stack}`, "--filter", "label=houseline.role=test-host");

  it("is refused in words without a token", async () => {
    const { code, stderr } = await deployment.runWith({ ...environment, HCLOUD_TOKEN: "" }, "up", "--yes");
    expect([code, stderr]).toEqual([1, expect.stringContaining("There is no token for Hetzner Cloud")]);
  });

  it("has its server made, which shows the key that was made for it, and is deployed there", async () => {
    const { code, stderr } = await command("up", "--yes");
    // There is no registry: this machine's images are brought to it in the middle.
    expect([code, stderr]).toEqual([1, expect.stringMatching(/first start: done.*neither on this host nor can it be pulled/s)]);
    await bringImages();
    const second = await command("up", "--yes");
    expect([second.code, second.stdout]).toEqual([0, expect.stringContaining("lab-switch: started")]);
    expect(second.stdout).toMatch(/phone\.example\.test is to lead to [\d.]+ \(an A record\) and to 2001:db8::1 \(AAAA\)\./);
    expect(asked()).toEqual(expect.arrayContaining(["create softswitch-server", "create softswitch-firewall", "create machines-key", "create softswitch-ipv4", "create softswitch-ipv4-name"]));
  });

  it("the token is in no state, and its server's first start in none in clear", async () => {
    const state = await run("grep", ["-rlE", `${"a".repeat(64)}|BEGIN OPENSSH`, join(root, ".houseline/stacks", deployment.stack, "state")]);
    expect(state.stdout).toBe("");
  });

  it("another image makes no server anew: that is told, with what does it", async () => {
    const before = await servers();
    await deployment.configure({ hosts: { kind: "hcloud", identityFile: at("id"), hcloud: { ...hcloud, image: "debian-13" } } });
    forget();
    const { code, stdout } = await command("up", "--yes");
    expect([code, stdout]).toEqual([0, expect.stringContaining(`--replace-host softswitch' makes it anew`)]);
    expect(asked()).toEqual([""]);
    expect(await servers()).toBe(before);
  });

  it("the one that is named is made anew, with its address and key, and is protected again", async () => {
    const before = await servers();
    forget();
    const { stderr } = await command("up", "--yes", "--replace-host", "softswitch");
    // It is there, and has no images yet.
    expect(stderr).toMatch(/first start: done.*neither on this host nor can it be pulled/s);
    expect(asked()).toEqual(["update softswitch-server", "delete softswitch-server", "create softswitch-server", "update softswitch-server"]);
    expect(await servers()).not.toBe(before);
  });

  it("is removed with its server when the data is", async () => {
    const kept = await command("down", "--yes");
    expect([kept.code, kept.stdout]).toEqual([0, expect.stringContaining("The servers at Hetzner Cloud stay")]);
    expect(await servers()).not.toBe("");
    expect((await command("down", "--yes", "--data")).code).toBe(0);
    expect(await servers()).toBe("");
  });

  async function bringImages(): Promise<void> {
    const { images } = config as { images: Record<string, string> };
    const secrets = (await plannedOfLabStack()).find(({ name }) => name === "secrets")!.reference;
    await run("sh", ["-c", `docker save "$@" | docker exec -i ${await servers()} docker load --quiet`, "sh", ...Object.values(images), secrets]);
  }
});
