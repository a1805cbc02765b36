import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Heartbeats } from "./heartbeats.ts";

describe("heartbeats", () => {
  beforeEach(() => { vi.useFakeTimers(); });
  afterEach(() => { vi.useRealTimers(); });

  it("come once a period to each, not to all at the same moment, and to nobody who left", () => {
    const heartbeats = new Heartbeats(15_000);
    const beats = Array.from({ length: 30 }, () => ({ at: [] as number[], beat() { this.at.push(Date.now()); } }));
    for (const one of beats) heartbeats.add(one);
    vi.advanceTimersByTime(30_000);
    expect(beats.map(({ at }) => at.length)).toEqual(Array(30).fill(2));
    for (const { at } of beats) expect(at[1]! - at[0]!).toBe(15_000);
    expect(new Set(beats.map(({ at }) => at[0])).size).toBe(15);
    for (const one of beats) heartbeats.remove(one);
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(30_000);
    expect(beats.every(({ at }) => at.length === 2)).toBe(true);
  });
});
