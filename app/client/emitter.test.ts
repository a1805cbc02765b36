import { afterEach, expect, test, vi } from "vitest";
import { Emitter } from "./emitter.ts";

class Bell extends Emitter<{ ring: [times: number]; stop: [] }> {
  ring(times: number): void {
    this.emit("ring", times);
  }
}

afterEach(() => vi.restoreAllMocks());

test("a listener gets the arguments until it is taken off", () => {
  const bell = new Bell();
  const heard: number[] = [];
  const off = bell.on("ring", (times) => heard.push(times));
  bell.ring(1);
  off();
  bell.ring(2);
  expect(heard).toEqual([1]);
});

test("once listens once", () => {
  const bell = new Bell();
  const heard: number[] = [];
  bell.once("ring", (times) => heard.push(times));
  bell.ring(1);
  bell.ring(2);
  expect(heard).toEqual([1]);
});

test("a listener that throws breaks neither the owner nor the next listener", () => {
  const complaint = vi.spyOn(console, "error").mockImplementation(() => {});
  const bell = new Bell();
  const heard: number[] = [];
  bell.on("ring", () => {
    throw new Error("broken listener");
  });
  bell.on("ring", (times) => heard.push(times));
  expect(() => bell.ring(3)).not.toThrow();
  expect(heard).toEqual([3]);
  expect(complaint).toHaveBeenCalledOnce();
});
