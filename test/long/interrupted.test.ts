import { afterAll, beforeAll, expect, it } from "vitest";
import { Interrupted } from "../support/interrupted.ts";
import { longScene } from "../support/long-scene.ts";

/** A few of the steps; every one is killed at by `./houseline bench interrupted`. */
longScene("an upgrade of every service whose command is killed with SIGKILL, engine and plugins too, on the lab switch", undefined, () => {
  let scene: Interrupted;
  beforeAll(async () => { scene = await Interrupted.open(); });
  afterAll(() => scene?.end());

  for (const [when, step] of [
    ["as a new container was just made", "docker: create lab-switch"],
    ["as the new switch has become healthy", "lab-switch: new release is healthy"],
    ["as an old container is told to finish", "docker: kill app-server"],
    ["as an old container is gone", "docker: destroy app-server-edge"],
  ] as const) it(`${when}: people call, status tells the truth, the next up mends it and leaves nothing over`, async () => {
    const { callSeconds, reached, untruth, notMended } = await scene.killAt(step);
    console.log(`${step}: a call ${callSeconds.toFixed(1)} s after the kill`);
    expect(untruth).toBeUndefined();
    expect(notMended).toBeUndefined();
    expect(reached).toBe(true);
  });

  it("the history has each of them, without an end", async () => {
    const told = (await scene.deployment.run("history")).stdout.split("\n").filter((line) => / interrupted /.test(line));
    expect(told).toHaveLength(4);
    expect(told[0]).toMatch(/^20\S+Z {2}interrupted up .*@.* app-server \w+ → test-/);
  });

  it("while an image is built: people call, status tells the truth, the next up builds and deploys it", async () => {
    const { callSeconds, untruth, notMended } = await scene.killWhileBuilding();
    console.log(`building: a call ${callSeconds.toFixed(1)} s after the kill`);
    expect([untruth, notMended]).toEqual([undefined, undefined]);
  });
});
