import { randomInt, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { change, end } from "../../cli/machines-change.ts";
import { useOwnTools } from "../../cli/setup/index.ts";
import { run } from "../../pulumi/process.ts";
import { readSettings } from "../../pulumi/settings.ts";
import { Deployment, root, type CommandResult } from "../support/deployment.ts";
import { docker } from "../support/docker.ts";
import { plannedOfLabStack } from "../support/engine.ts";
import { CloudApi } from "../support/hcloud/api.ts";
import { Machines } from "../support/hcloud/machine.ts";
import { imageOf, noHosts } from "../support/host.ts";
import { commandMark, killAll } from "../support/interrupted.ts";
import { longScene } from "../support/long-scene.ts";
import { until } from "../support/until.ts";

const token = "a".repeat(64);
const makesOne = "POST /servers";

/** How much of everything there is in the project. */
const counted = (api: CloudApi) => [api.keys, api.networks, api.groups, api.addresses, api.firewalls, api.servers].map((one) => one.all().length);

longScene("a stack at Hetzner Cloud (a stand-in of its interface, whose servers are machines here)", noHosts, () => {
  let deployment: Deployment;
  let folder: string;
  let api: CloudApi;
  let environment: Record<string, string>;
  const base = `10.214.${randomInt(1, 255)}`;
  const at = (name: string) => join(folder, name);
  const hcloud = { servers: 1, sshFrom: "10.214.0.0/16" };
  let config: Record<string, unknown>;

  beforeAll(async () => {
    deployment = await Deployment.prepare();
    folder = mkdtempSync(join(tmpdir(), "houseline-hcloud-"));
    await docker("network", "create", "--label", `houseline.stack=${deployment.stack}`, "--subnet", `${base}.0/24`, deployment.stack);
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", at("id")]);
    api = await CloudApi.start(token, base, new Machines(deployment.stack, deployment.stack, await imageOf("ready")));
    environment = { HCLOUD_TOKEN: token, HCLOUD_ENDPOINT: api.endpoint };
    const planned = await plannedOfLabStack();
    const named = (name: string) => planned.find((image) => image.name === name)!.reference;
    config = { site: "phone.example.test", switch: { kind: "lab" }, images: { labSwitch: named("lab-switch"), appServer: named("app-server"), edge: named("edge"), sound: named("freeswitch-sound") } };
    await deployment.configure({ ...config, hosts: { kind: "hcloud", identityFile: at("id"), hcloud } });
  });
  afterAll(async () => {
    await api?.stop();
    await deployment?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const command = (name: string, ...words: string[]): Promise<CommandResult> => deployment.runWith(environment, name, ...words);
  const machines = () => docker("ps", "--quiet", "--filter", `label=houseline.stack=${deployment.stack}`, "--filter", "label=houseline.role=test-host");
  const ask = (method: string, path: string, body?: object) => fetch(api.endpoint + path, { method, headers: { authorization: `Bearer ${token}` }, ...(body && { body: JSON.stringify(body) }) });

  it("is refused in words without a token", async () => {
    const { code, stderr } = await deployment.runWith({ ...environment, HCLOUD_TOKEN: "" }, "up", "--yes");
    expect([code, stderr]).toEqual([1, expect.stringContaining("There is no token for Hetzner Cloud")]);
  });

  it("is told in one sentence that the cloud doesn't take a token", async () => {
    const { code, stderr } = await deployment.runWith({ ...environment, HCLOUD_TOKEN: "b".repeat(64) }, "up", "--yes");
    expect([code, stderr]).toEqual([1, expect.stringMatching(/does not take the token \(HCLOUD_TOKEN in the environment\).*Make one in its console/)]);
    expect(counted(api)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it("is told in one sentence that something of somebody else's has its name, and leaves that alone", async () => {
    const name = `houseline-${deployment.stack}-softswitch`;
    await ask("POST", "/firewalls", { name });
    const { code, stderr } = await command("up", "--yes");
    expect([code, stderr]).toEqual([1, expect.stringMatching(new RegExp(`has a firewall '${name}' already, and this stack did not make it\\. Rename or remove it`))]);
    const theirs = api.firewalls.named(name)!;
    expect([theirs.rules, api.servers.all()]).toEqual([[], []]);
    // What was made until then, and protected, costs: it can be ended.
    expect((await command("down", "--yes", "--data")).code).toBe(0);
    expect(counted(api)).toEqual([0, 0, 0, 0, 1, 0]);
    await ask("DELETE", `/firewalls/${theirs.id}`);
  });

  it("takes over the server that a killed command had begun to make, while the cloud is busy", async () => {
    const release = api.actions.hold("create_server");
    const id = randomUUID();
    const killed = deployment.start({ ...environment, [commandMark]: id }, "up", "--yes");
    const ended = new Promise((resolve) => killed.on("close", resolve));
    killed.stdout.resume();
    killed.stderr.resume();
    await until("the request for a server", () => api.changes.includes(makesOne), 60_000);
    await killAll(id);
    await ended;
    release();
    // What the provider tries again by itself, and what it doesn't.
    api.rate.set(15, 6);
    api.fail(/^POST .*change_dns_ptr$/, "bad_gateway", 2);
    api.fail(/^POST \/servers\/.*change_protection$/, "locked");
    const { code, stderr } = await command("up", "--yes");
    // There is no registry: this machine's images are brought to it in the middle.
    expect([code, stderr]).toEqual([1, expect.stringMatching(/first start: done.*neither on this host nor can it be pulled/s)]);
    expect(api.servers.all()).toMatchObject([{ status: "running", protection: { delete: true, rebuild: true } }]);
    expect((await machines()).split("\n")).toHaveLength(1);
    api.rate.set(3_600, 1);
  });

  it("is deployed on its server, which shows the key that was made for it", async () => {
    await bringImages();
    const { code, stdout } = await command("up", "--yes");
    expect([code, stdout]).toEqual([0, expect.stringContaining("lab-switch: started")]);
    expect(stdout).toMatch(/phone\.example\.test is to lead to [\d.]+ \(an A record\) and to [0-9a-f:]+ \(AAAA\)\./);
    expect(api.addresses.all().map(({ dns_ptr: [pointer] }) => pointer?.dns_ptr)).toEqual(["phone.example.test", "phone.example.test"]);
  });

  it("the token is in no state, and its server's first start in none in clear", async () => {
    const state = await run("grep", ["-rlE", `${token}|BEGIN OPENSSH`, join(root, ".houseline/stacks", deployment.stack, "state")]);
    expect(state.stdout).toBe("");
  });

  it("another image makes no server anew and changes nothing at all: that is told, with what does it", async () => {
    const before = await machines();
    await deployment.configure({ hosts: { kind: "hcloud", identityFile: at("id"), hcloud: { ...hcloud, image: "debian-13" } } });
    api.asked.length = 0;
    const { code, stdout } = await command("up", "--yes");
    expect([code, stdout]).toEqual([0, expect.stringContaining(`--replace-host softswitch' makes it anew`)]);
    expect(api.changes).toEqual([]);
    expect(await machines()).toBe(before);
  });

  it("its server can't be ended at the cloud while it is protected", async () => {
    const [server] = api.servers.all();
    const answer = await ask("DELETE", `/servers/${server!.id}`);
    expect([answer.status, await answer.json()]).toMatchObject([423, { error: { code: "protected" } }]);
    expect(await machines()).not.toBe("");
  });

  it("the one that is named is made anew, with its address and key, and is protected again", async () => {
    const before = await machines();
    const address = api.addresses.named(`houseline-${deployment.stack}-softswitch-ipv4`)!.ip;
    api.asked.length = 0;
    const { stderr } = await command("up", "--yes", "--replace-host", "softswitch");
    // It is there, and has no images yet.
    expect(stderr).toMatch(/first start: done.*neither on this host nor can it be pulled/s);
    expect(api.changes.map((line) => line.replace(/\d+/, "N"))).toEqual(["POST /servers/N/actions/change_protection", "DELETE /servers/N", makesOne, "POST /servers/N/actions/change_protection"]);
    const after = await machines();
    expect(after).not.toBe(before);
    expect(await docker("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", after)).toBe(address);
  });

  it("is removed with its server when the data is", async () => {
    const kept = await command("down", "--yes");
    expect([kept.code, kept.stdout]).toEqual([0, expect.stringContaining("The servers at Hetzner Cloud stay")]);
    expect(await machines()).not.toBe("");
    expect((await command("down", "--yes", "--data")).code).toBe(0);
    expect(await machines()).toBe("");
    expect(counted(api)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  async function bringImages(): Promise<void> {
    const { images } = config as { images: Record<string, string> };
    const secrets = (await plannedOfLabStack()).find(({ name }) => name === "secrets")!.reference;
    await run("sh", ["-c", `docker save "$@" | docker exec -i ${await machines()} docker load --quiet`, "sh", ...Object.values(images), secrets]);
  }
});

longScene("two servers at Hetzner Cloud (a stand-in of its interface, whose servers are words alone)", undefined, () => {
  let folder: string;
  let api: CloudApi;
  const stack = () => ({ stack: "pair", directory: join(folder, "stack"), configuration: "" });
  const settings = (hcloud: object = {}) => readSettings({
    site: "phone.example.test", switchSite: "switch.example.test", ports: { applicationEdge: 443, switchEdge: 443 }, switch: { kind: "lab" },
    hosts: { kind: "hcloud", identityFile: join(folder, "id"), hcloud: { sshFrom: "203.0.113.0/24", ...hcloud } },
  }, {}, "Pulumi.pair.yaml");

  beforeAll(async () => {
    useOwnTools();
    folder = mkdtempSync(join(tmpdir(), "houseline-hcloud-"));
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(folder, "id")]);
    api = await CloudApi.start(token, "203.0.113");
    vi.stubEnv("HCLOUD_TOKEN", token);
    vi.stubEnv("HCLOUD_ENDPOINT", api.endpoint);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await api?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("are made in a network of their own, each once, though answers of the cloud get lost", async () => {
    api.fail(/^POST \/servers$/, "cut after");
    api.fail(/^POST \/networks$/, "cut after");
    const { softswitch, application } = await change(settings(), stack(), {});
    expect([softswitch!.value, application!.value]).toMatchObject([{ private: "10.20.0.2", public: expect.stringMatching(/^203\.0\.113\./) }, { private: "10.20.0.3" }]);
    expect(counted(api)).toEqual([1, 1, 1, 4, 2, 2]);
    for (const server of api.servers.all()) expect(server).toMatchObject({ status: "running", protection: { delete: true }, private_net: [{ ip: server.name.endsWith("softswitch") ? "10.20.0.2" : "10.20.0.3" }] });
    expect(api.groups.all()).toMatchObject([{ type: "spread", servers: expect.arrayContaining(api.servers.all().map(({ id }) => id)) }]);
  });

  it("no request is made when nothing is to change", async () => {
    api.asked.length = 0;
    await change(settings(), stack(), {});
    expect(api.asked).toEqual([]);
  });

  it("another server type is given in place, and the server runs again", async () => {
    api.asked.length = 0;
    await change(settings({ softswitchType: "ccx23" }), stack(), {});
    expect(api.changes.map((line) => line.replace(/\d+/, "N"))).toEqual(["POST /servers/N/actions/poweroff", "POST /servers/N/actions/change_type"]);
    expect(api.servers.named("houseline-pair-softswitch")).toMatchObject({ status: "running", server_type: { name: "ccx23" } });
  });

  it("are ended with all that is around them, protected as they are", async () => {
    await end(settings({ softswitchType: "ccx23" }), stack());
    expect(counted(api)).toEqual([0, 0, 0, 0, 0, 0]);
  });
});
