import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Sounds } from "./sounds.ts";

/** WebAudio has none outside of a browser: what of it the sounds use, with its states and when they change. (Web Audio API, 1.2) */
class FakeContext {
  static all: FakeContext[] = [];
  static allowed = true;
  state = "suspended";
  readonly sampleRate = 8_000;
  readonly destination = {};

  constructor() { FakeContext.all.push(this); }

  async resume(): Promise<void> {
    if (!FakeContext.allowed) await new Promise(() => {});
    await Promise.resolve();
    this.state = "running";
  }

  async suspend(): Promise<void> {
    await Promise.resolve();
    this.state = "suspended";
  }

  async close(): Promise<void> { this.state = "closed"; }
  createBuffer() { return { copyToChannel: () => {} }; }
}

class FakeSource extends EventTarget {
  static last: FakeSource;
  constructor() { super(); FakeSource.last = this; }
  connect(): void {}
  start(): void {}
  stop(): void { this.dispatchEvent(new Event("ended")); }
}

let sounds: Sounds;
const states = () => FakeContext.all.map(({ state }) => state);

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("AudioContext", FakeContext);
  vi.stubGlobal("AudioBufferSourceNode", FakeSource);
  FakeContext.all = [];
  FakeContext.allowed = true;
  sounds = new Sounds();
});
afterEach(() => {
  sounds.close();
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

it("devices are let go while nothing sounds, which is not taken for a page that may not sound", async () => {
  sounds.prepare();
  await vi.advanceTimersByTimeAsync(0);
  expect(states()).toEqual(["running", "running"]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(states()).toEqual(["suspended", "suspended"]);
  expect(sounds.blocked).toBe(false);
});

it("a ring takes its device at once, keeps it for as long as it rings, and lets it go afterwards", async () => {
  sounds.prepare();
  await vi.advanceTimersByTimeAsync(10_000);
  sounds.play("ring");
  await vi.advanceTimersByTimeAsync(0);
  expect(states()).toContain("running");
  await vi.advanceTimersByTimeAsync(60_000);
  expect(states()).toContain("running");
  sounds.stop();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(states()).toEqual(["suspended", "suspended"]);
});

it("a ring that begins just when its device is being let go is heard", async () => {
  sounds.prepare();
  await vi.advanceTimersByTimeAsync(0);
  const suspend = vi.spyOn(FakeContext.prototype, "suspend").mockImplementation(async function suspendLater(this: FakeContext) {
    sounds.play("ring");
    this.state = "suspended";
  });
  await vi.advanceTimersByTimeAsync(10_000);
  expect(suspend).toHaveBeenCalled();
  expect(states()).toContain("running");
});

it("a page that nobody has touched is told to be silent, until it was", async () => {
  FakeContext.allowed = false;
  sounds.prepare();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(sounds.blocked).toBe(true);
  FakeContext.allowed = true;
  sounds.unlock();
  await vi.advanceTimersByTimeAsync(0);
  expect(sounds.blocked).toBe(false);
});
