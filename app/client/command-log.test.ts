import { expect, test } from "vitest";
import { CommandLog } from "./command-log.ts";

const [one, other] = ["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"];

test("a call that a command names may be answered from when the command began", async () => {
  const log = new CommandLog();
  let finish = () => {};
  const done = log.during("moveCall", { call: one }, () => new Promise<object>((resolve) => { finish = () => resolve({}); }));
  expect(log.knowledgeOf(one)).toEqual({ commanded: true, asked: false, commandUnderWay: true });
  finish();
  await done;
  expect(log.knowledgeOf(one)).toEqual({ commanded: true, asked: false, commandUnderWay: false });
  expect(log.knowledgeOf(other).commanded).toBe(false);
});

test("so may one that its answer names", async () => {
  const log = new CommandLog();
  await log.during("consult", { call: one, to: "clara" }, async () => ({ consultation: other }));
  expect(log.knowledgeOf(other).commanded).toBe(true);
});

test("a command that was refused, or that is for another device, opens nothing", async () => {
  const log = new CommandLog();
  await expect(log.during("moveCall", { call: one }, () => Promise.reject(new Error("conflict")))).rejects.toThrow("conflict");
  await log.during("call", { to: "boris", device: other }, async () => ({ call: other }));
  await log.during("transfer", { call: one, to: "boris" }, async () => ({}));
  expect([one, other].map((id) => log.knowledgeOf(id).commanded)).toEqual([false, false]);
});

test("it lasts for seconds, not for ever", async () => {
  let now = 0;
  const log = new CommandLog(() => now);
  log.ask(one);
  now = 14_000;
  expect(log.knowledgeOf(one).asked).toBe(true);
  now = 16_000;
  expect(log.knowledgeOf(one).asked).toBe(false);
});

test("what is remembered has a bound", () => {
  const log = new CommandLog();
  for (let index = 0; index < 200; index++) log.ask(`call-${index}`);
  expect([log.knowledgeOf("call-0").asked, log.knowledgeOf("call-199").asked]).toEqual([false, true]);
});
