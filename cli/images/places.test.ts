import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readSettings } from "../../pulumi/settings.ts";
import { placesOf } from "./places.ts";

const directory = mkdtempSync(join(tmpdir(), "houseline-places-"));
afterAll(() => rmSync(directory, { recursive: true }));

const cloud = (servers: number, applicationServers: number) => readSettings({
  site: "phone.example.com", switchSite: "switch.example.com", tls: { kind: "private" }, freeswitch: { apt: "deb https://apt.example.com bookworm main" },
  secrets: { databaseUrl: "postgres://houseline:a-secret-word@10.20.0.9:5432/houseline" },
  hosts: { kind: "hcloud", moreApplications: Array.from({ length: applicationServers - 1 }, (_, index) => ({ site: `phone${index + 2}.example.com` })), ...(servers === 3 && { standby: { site: "switch2.example.com" } }), hcloud: { servers, applicationServers, sshFrom: "203.0.113.0/24", softswitchType: "cax21" } },
}, {}, "the test's stack");
const placed = async (servers: number, stack: string, applicationServers = 1) => {
  const places = await placesOf(cloud(servers, applicationServers), { stack, directory: join(directory, stack), configuration: "" });
  return Promise.all(places.map(async ({ name, servers, client, inventory }) => [name, servers, client === undefined ? (await inventory()).platform : client.host]));
};

test("servers that are to be made have nothing yet, and the platform of their type", async () => {
  expect(await placed(3, "new")).toEqual([
    ["the server of the softswitch, which is to be made", "softswitch", "linux/arm64"],
    ["the server of the application server, which is to be made", "application", "linux/amd64"],
    ["the server of the softswitch in reserve, which is to be made", "standby", "linux/arm64"],
  ]);
  expect(await placed(1, "new")).toEqual([["the server of the softswitch, which is to be made", "both", "linux/arm64"]]);
});

test("those that are there are asked, for what they are to have", async () => {
  const keys = join(directory, "made/host-keys");
  mkdirSync(keys, { recursive: true });
  writeFileSync(join(keys, "softswitch.pub"), "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHgX of-the-test\n");
  writeFileSync(join(directory, "made/machines.json"), JSON.stringify({ softswitch: { public: "203.0.113.10", ipv6: "2001:db8::1", private: "127.0.0.1", setup: "", wantedSetup: "" } }));
  expect(await placed(1, "made")).toEqual([["root@203.0.113.10", "both", expect.any(String)]]);
  expect(await placed(2, "made")).toEqual([
    ["root@203.0.113.10", "softswitch", expect.any(String)],
    ["the server of the application server, which is to be made", "application", "linux/amd64"],
  ]);
  expect(await placed(2, "made", 2)).toEqual([
    ["root@203.0.113.10", "softswitch", expect.any(String)],
    ["the server of the application server, which is to be made", "application", "linux/amd64"],
    ["the server of the second application server, which is to be made", "application", "linux/amd64"],
  ]);
});
