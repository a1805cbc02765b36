import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { until } from "./browser.ts";
import { type Person } from "./directory.ts";
import { SipClient } from "./sip-client.ts";
import { aptSource, dockerRun, domain, removeLeftovers, skipReason, Stack, type Switch, useDeployed } from "./stack.ts";

const anna: Person = { name: "anna", extension: "101", authName: "anna~k3f9", password: "one" };

describe.skipIf(!aptSource)(`the FreeSWITCH container${skipReason && ` (skipped: ${skipReason})`}`, () => {
  let stack: Stack;

  beforeAll(async () => {
    await removeLeftovers();
    useDeployed(inject("deployed"));
    stack = await Stack.create([anna]);
  });
  afterAll(async () => { await stack?.close(); });

  const account = { domain, name: "anna", authName: anna.authName, password: anna.password };

  async function withSwitch(use: (running: Switch) => Promise<void>, settings: Record<string, string> = {}): Promise<void> {
    const running = await stack.start(settings);
    try {
      await running.healthy();
      await use(running);
    } finally {
      await running.remove();
    }
  }

  it("is ready in 3 s once the certificate is kept, and SIGTERM without a call ends it with 0 at once", async () => {
    await withSwitch(async () => undefined);
    await withSwitch(async (running) => {
      const ready = /ready in (\d+) s/.exec(await running.logs())?.[1];
      expect(Number(ready)).toBeLessThanOrEqual(3);
      const health = JSON.parse(await running.inspect("{{json .State.Health.Log}}")) as { Output: string }[];
      expect(health.at(-1)?.Output).toContain("SIP profile running");
      await running.terminate();
      const { milliseconds, code } = await running.ended(10_000);
      console.log(`SIGTERM without a call: gone after ${milliseconds} ms`);
      expect(code).toBe(0);
      expect(milliseconds).toBeLessThan(6_000);
    });
  });

  it("has no gateway, no profile but those of browsers and of the mesh, and shows no secret in its processes or environment", async () => {
    await withSwitch(async (running) => {
      expect(await running.command("sofia status gateway")).toMatch(/0 gateways/);
      expect(await running.command("sofia status")).toMatch(/2 profiles /);
      expect(await running.command("module_exists mod_verto")).toBe("false");
      const seen = await dockerRun("top", running.name, "-eo", "pid,args") + await running.inspect("{{json .Config}}") + await running.logs();
      expect(seen).not.toMatch(/esl-7d1f0c4b9a|directory-5e2a8c61b0|mesh-93b7e1d20f/);
    });
  });

  it("registers who authenticates, refuses a wrong password and a call without credentials", async () => {
    await withSwitch(async (running) => {
      const url = stack.url(await running.slot());
      const client = await SipClient.connect(url, account);
      expect((await client.register()).status).toBe(200);
      await until("anna's registration", async () => (await running.command("sofia status profile houseline reg")).includes("anna@"));
      const liar = await SipClient.connect(url, { ...account, password: "wrong" });
      expect((await liar.register()).status).toBe(403);
      expect([401, 403, 407]).toContain((await liar.invite("anna", "")).status);
      // Registering as somebody else registers the one who authenticated.
      const other = await SipClient.connect(url, { ...account, name: "boris" });
      await other.register();
      await until("two registrations", async () => (await running.command("sofia status profile houseline reg")).includes("Total items returned: 2"));
      expect(await running.command("sofia status profile houseline reg")).not.toContain("boris@");
      for (const it of [client, liar, other]) it.close();
    });
  });

  it("works with no directory address at all", async () => {
    await withSwitch(async (running) => {
      expect(await running.logs()).toContain("nobody can sign in");
    }, { HOUSELINE_DIRECTORY_URLS: "" });
  });

  it("shares a host three times, and a killed one frees its slot for the next", async () => {
    const three = [await stack.start(), await stack.start(), await stack.start()];
    const late = await stack.start();
    try {
      for (const one of three) await one.healthy(60_000);
      const slots = await Promise.all(three.map((one) => one.slot()));
      expect([...slots].sort()).toEqual([0, 1, 2]);
      expect(await late.logs()).toContain("all three slots are taken");
      await dockerRun("kill", three[1]?.name ?? "");
      await late.healthy();
      expect(await late.slot()).toBe(slots[1]);
    } finally {
      for (const one of [...three, late]) await one.remove();
    }
  });

  it("leaves the sound container alone when it is replaced", async () => {
    const before = await dockerRun("inspect", "--format", "{{.Id}} {{.Image}} {{json .Mounts}}", stack.soundContainer);
    await withSwitch(async (running) => {
      expect(await running.command("local_stream show")).toContain("moh/48000");
      const sounds = await dockerRun("exec", running.name, "cat", "/usr/share/freeswitch/sounds/PACK");
      expect(["synthetic", "published"]).toContain(sounds);
    });
    expect(await dockerRun("inspect", "--format", "{{.Id}} {{.Image}} {{json .Mounts}}", stack.soundContainer)).toBe(before);
  });
});
