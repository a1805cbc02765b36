import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stateDirectory } from "../../cli/paths.ts";
import { Deployment } from "../support/deployment.ts";

describe("a backup", () => {
  let stack: Deployment;
  let data: string;
  let file: string;
  const message = Buffer.from("RIFF a message of voicemail");

  beforeAll(async () => {
    stack = await Deployment.prepare();
    data = join(stateDirectory, "data", stack.stack);
    file = join(stateDirectory, "test", `${stack.stack}.tar.gz`);
  });
  afterAll(async () => {
    await stack?.remove();
    for (const path of [file, `${file}.other`]) rmSync(path, { force: true });
  });

  const people = async () => (await stack.administer("user", "list")).stdout;
  const leave = (name: string) => {
    mkdirSync(join(data, "voicemail", "anna"), { recursive: true });
    writeFileSync(join(data, "voicemail", "anna", name), message);
  };

  it("is refused while the stack was never deployed, and an unknown file is, too", async () => {
    expect(await stack.run("backup", "--to", file)).toMatchObject({ code: 1, stderr: expect.stringMatching(/was never deployed from here\. Type '\.\/houseline up test-/) as string });
    await stack.up();
    expect(await stack.run("restore", "--from", "/nowhere.tar.gz", "--yes")).toMatchObject({ code: 1, stderr: "houseline: There is no file /nowhere.tar.gz. Give one that './houseline backup' wrote.\n" });
  });

  it("is written while everything runs, for its user alone, and never over another", async () => {
    await stack.administer("user", "add", "erika", "Erika Muster");
    leave("msg_1.wav");
    const before = await stack.containers();
    const { code, stdout } = await stack.run("backup", "--to", file);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/has the database and the voicemail of/)]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await stack.containers()).toEqual(before);
    expect(readdirSync(data).filter((name) => name.startsWith(".backup"))).toEqual([]);
    expect(await stack.run("backup", "--to", file)).toMatchObject({ code: 1, stderr: expect.stringContaining("is there already") as string });
  });

  it("brings back people and voicemail after the directory was lost", async () => {
    await stack.administer("user", "add", "late", "After the Backup");
    rmSync(data, { recursive: true, force: true });
    const { code, stdout, stderr } = await stack.run("restore", "--from", file, "--yes");
    expect([code, stderr.includes("Restoring"), stdout]).toEqual([0, true, expect.stringMatching(/^'test-\S+' has the data of 20\S+ again\.\n$/)]);
    expect(await people()).toMatch(/^ {2}erika /m);
    expect(await people()).not.toMatch(/^ {2}late /m);
    expect(readFileSync(join(data, "voicemail", "anna", "msg_1.wav"))).toEqual(message);
    expect((await stack.containers()).every(({ state, role }) => state === "running" || /sound|secrets/.test(role))).toBe(true);
    // Not root's: the containers go on writing there.
    expect([statSync(join(data, "houseline.db")).uid, statSync(join(data, "voicemail")).uid]).toEqual([10_001, 10_001]);
    expect((await stack.administer("user", "add", "next", "Next Person")).code).toBe(0);
  });

  it("replaces what is there, which is kept aside", async () => {
    leave("msg_2.wav");
    const { code, stdout } = await stack.run("restore", "--from", file, "--yes");
    expect(code).toBe(0);
    const aside = /What was there is in (\S+)\.$/m.exec(stdout)![1]!;
    expect(await people()).not.toMatch(/^ {2}next /m);
    expect(existsSync(join(data, "voicemail", "anna", "msg_2.wav"))).toBe(false);
    expect(readFileSync(join(aside, "voicemail", "anna", "msg_2.wav"))).toEqual(message);
  });

  it("that is cut off, or something else, changes nothing; nor does one that nobody agreed to", async () => {
    const before = await stack.containers();
    writeFileSync(`${file}.other`, readFileSync(file));
    truncateSync(`${file}.other`, statSync(file).size - 100);
    expect(await stack.run("restore", "--from", `${file}.other`, "--yes")).toMatchObject({ code: 1, stderr: expect.stringMatching(/can't be restored: it is no archive of '\.\/houseline backup', or it is not whole\. Nothing was changed\.\n$/) as string });
    writeFileSync(`${file}.other`, "hello");
    expect((await stack.run("restore", "--from", `${file}.other`, "--yes")).code).toBe(1);
    expect(await stack.run("restore", "--from", file)).toMatchObject({ code: 1, stderr: expect.stringContaining("Add --yes") as string });
    expect(readdirSync(data).filter((name) => name.startsWith(".restoring"))).toEqual([]);
    expect(await stack.containers()).toEqual(before);
  });
});
