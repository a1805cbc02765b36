import { expect, test } from "vitest";
import { MuteMemory } from "./mute-memory.ts";

function storage(): Storage {
  const kept = new Map<string, string>();
  return { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value) } as unknown as Storage;
}

test("the next page of the tab knows which calls were muted", () => {
  const tab = storage();
  new MuteMemory(tab).set("one", true);
  expect(new MuteMemory(tab).has("one")).toBe(true);
  new MuteMemory(tab).set("one", false);
  expect(new MuteMemory(tab).has("one")).toBe(false);
});

test("what is kept has a bound, and what can't be read is nothing", () => {
  const tab = storage();
  const memory = new MuteMemory(tab);
  for (let index = 0; index < 50; index++) memory.set(`call-${index}`, true);
  expect([memory.has("call-0"), memory.has("call-49")]).toEqual([false, true]);
  tab.setItem("houseline.muted", "{broken");
  expect(memory.has("call-49")).toBe(false);
  expect(new MuteMemory(undefined).has("call-49")).toBe(false);
});
