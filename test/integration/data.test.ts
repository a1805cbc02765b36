import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stateDirectory } from "../../cli/paths.ts";
import { Deployment } from "../support/deployment.ts";

describe("the data of people, on the lab switch", () => {
  let stack: Deployment;
  let message: string;

  beforeAll(async () => {
    stack = await Deployment.prepare();
    await stack.up();
    const voicemail = join(stateDirectory, "data", stack.stack, "voicemail", "erika");
    mkdirSync(voicemail, { recursive: true });
    message = join(voicemail, "msg_1.wav");
    writeFileSync(message, "a message");
    await stack.administer("user", "add", "erika", "Erika Muster");
  });
  afterAll(() => stack?.remove());

  async function isThere(): Promise<void> {
    expect((await stack.administer("user", "list")).stdout).toMatch(/^ {2}erika /m);
    expect(readFileSync(message, "utf8")).toBe("a message");
  }

  it("outlives volumes of another name and every container made anew", async () => {
    const before = (await stack.containers()).filter(({ role }) => !/sound|secrets|edge/.test(role)).map(({ id }) => id);
    await stack.configure({ volumes: { appSlots: `${stack.stack}-renamed-app`, switchSlots: `${stack.stack}-renamed-switch`, switchState: `${stack.stack}-renamed-state` } });
    await stack.up();
    const after = (await stack.containers()).map(({ id }) => id);
    expect(before.filter((id) => after.includes(id))).toEqual([]);
    await isThere();
  });

  it("outlives down and up, with the passwords that it is signed in with", async () => {
    const password = await stack.password();
    const { code, stdout } = await stack.run("down", "--yes");
    expect([code, stdout]).toEqual([0, expect.stringMatching(/The data of its people stays in /)]);
    expect(await stack.containers()).toEqual([]);
    expect((await stack.run("status")).stdout).toContain("is not deployed");
    await stack.up();
    expect(await stack.password()).toBe(password);
    await isThere();
  });

  it("goes with down --data alone", async () => {
    expect((await stack.run("down", "--yes", "--data")).code).toBe(0);
    expect(existsSync(message)).toBe(false);
    expect(await stack.containers()).toEqual([]);
  });
});
