import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";
import { holdName, oneAtATime } from "./held-name.ts";

const name = () => `test-${process.pid}-${Math.random()}`;

it("is one holder's at a time, until it is given back", async () => {
  const one = name();
  const first = await holdName(one);
  expect(await holdName(one)).toBeUndefined();
  await new Promise((resolve) => first!.close(resolve));
  const second = await holdName(one);
  expect(second).toBeDefined();
  second!.close();
});

it("comes back from a process that is killed", async () => {
  const one = name();
  const program = `import { holdName } from ${JSON.stringify(join(import.meta.dirname, "held-name.ts"))}; console.log(await holdName(${JSON.stringify(one)}) !== undefined); setInterval(() => {}, 60_000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  expect(await new Promise((resolve) => child.stdout.setEncoding("utf8").once("data", (text: string) => resolve(text.trim())))).toBe("true");
  expect(await holdName(one)).toBeUndefined();
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
  expect(await oneAtATime(one, async () => "mine")).toBe("mine");
});

it("what is done one at a time does not overlap, also after a failure", async () => {
  const one = name();
  const told: string[] = [];
  const work = (what: string) => oneAtATime(one, async () => {
    told.push(`${what} begins`);
    await new Promise((resolve) => setTimeout(resolve, 20));
    told.push(`${what} ends`);
    if (what === "a") throw new Error("a failed");
  });
  const results = await Promise.allSettled([work("a"), work("b"), work("c")]);
  expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
  expect(told.filter((_, index) => index % 2 === 0).map((line) => line[0])).toEqual(told.filter((_, index) => index % 2 === 1).map((line) => line[0]));
});
