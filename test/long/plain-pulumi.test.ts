import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { callersConfig, peopleCall, withTwoPeople } from "../support/callers.ts";
import { Deployment, root } from "../support/deployment.ts";
import { docker, nextRelease } from "../support/docker.ts";
import { longScene } from "../support/long-scene.ts";
import { PlainPulumi } from "../support/plain-pulumi.ts";
import { mended } from "../support/truth.ts";

/** What Docker was told of every container, without what differs each time: names, ids, times. */
async function shape(deployment: Deployment): Promise<object[]> {
  const list = JSON.parse(await docker("inspect", ...(await deployment.containers()).map(({ id }) => id))) as { Name: string; Config: Record<string, unknown>; HostConfig: Record<string, unknown> }[];
  const known = new Map(list.map(({ Name }) => [Name.slice(1), Name.slice(1).replace(/-[0-9a-f]{7}$/, "")]));
  return list.map(({ Config, HostConfig }) => ({ ...Config, Hostname: "", ...HostConfig, VolumesFrom: (HostConfig.VolumesFrom as string[] | null)?.map((from) => from.replace(/^[^:]*/, (name) => known.get(name) ?? name)).sort() }));
}

longScene("plain pulumi, without our command, on the lab switch", undefined, () => {
  let deployment: Deployment;
  let tag: string;
  const own = mkdtempSync(join(tmpdir(), "houseline-plain-"));
  let ours: object[];
  let plain: PlainPulumi;

  beforeAll(async () => {
    deployment = await Deployment.prepare({ ...callersConfig, drainSeconds: 60 });
    await deployment.up();
    ours = await shape(deployment);
    plain = PlainPulumi.ofOurs(deployment);
    tag = `houseline/lab-switch:${deployment.stack}`;
    await nextRelease((await deployment.container("lab-switch")).image, tag);
  });
  afterAll(async () => {
    plain?.remove();
    await deployment?.remove();
    rmSync(own, { recursive: true, force: true });
    if (tag) await docker("rmi", "--force", tag).catch(() => undefined);
  });
  const secrets = () => JSON.parse(readFileSync(join(root, ".houseline/stacks", deployment.stack, "secrets.json"), "utf8")) as Record<string, string>;

  it("our preview and pulumi's say the same: nothing changes, then what is replaced and what stays", async () => {
    await plain.configure(secrets());
    expect((await deployment.run("preview")).stdout).toContain("Nothing changes.");
    expect(await plain.preview("--expect-no-changes")).toContain("Every container stays.");

    await deployment.configure({ images: { labSwitch: tag } });
    await plain.configure(secrets());
    const before = await deployment.containers();
    for (const text of [(await deployment.run("preview")).stdout, await plain.preview()]) {
      expect(text).toContain(`lab-switch: is replaced by release ${deployment.stack}; nobody talks on the old one.`);
      for (const role of ["freeswitch-sound", "softswitch-secrets", "softswitch-edge", "app-server", "app-server-edge"]) expect(text).toContain(`${role}: stays.`);
    }
    await withTwoPeople(deployment, async (paula) => {
      await paula.talkTo("quentin");
      expect((await deployment.run("preview")).stdout).toContain("; 1 call on the old one goes on, for at most 1 min (the drain limit).");
      await paula.hangUp();
    });
    expect(await deployment.containers()).toEqual(before);
  });

  it("what pulumi up does on a stack of ours is what our up would have done: it finds nothing to change", async () => {
    await plain.up();
    expect((await deployment.container("lab-switch")).image).toBe(tag);
    await mended(deployment);
    expect((await deployment.up()).stdout).toContain("Nothing to change");
    await peopleCall(deployment);
  });

  it("pulumi up alone makes from nothing the same containers as our up", async () => {
    const given = secrets();
    await deployment.run("down", "--yes", "--data");
    await deployment.configure({ images: {} });
    plain = await PlainPulumi.create(deployment, own);
    await plain.configure(given);
    await plain.up();
    expect(await shape(deployment)).toEqual(ours);
    await peopleCall(deployment);
    await plain.destroy();
    expect(await deployment.containers()).toEqual([]);
  });
});
