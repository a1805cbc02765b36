import { expect, test } from "vitest";
import { keyTone, render, tones } from "./tones.ts";

test("every tone sounds within its first hundredth of a second, and never above its volume", () => {
  for (const tone of Object.values(tones)) {
    const samples = render(tone, 8000);
    expect(samples).toHaveLength(Math.round(tone.period * 8000));
    expect(samples.slice(0, 100).some((sample) => Math.abs(sample) > 0.02)).toBe(true);
    expect(Math.max(...samples.map(Math.abs))).toBeLessThanOrEqual(tone.volume + 1e-6);
  }
});

test("the ringback is one second of 425 Hz, then silence", () => {
  const samples = render(tones.ringback, 8000);
  let crossings = 0;
  for (let index = 1; index < 8000; index++) if (samples[index - 1]! < 0 && samples[index]! >= 0) crossings++;
  expect(crossings).toBeGreaterThanOrEqual(423);
  expect(crossings).toBeLessThanOrEqual(426);
  expect(samples.slice(8000).every((sample) => sample === 0)).toBe(true);
});

test("keys have their pairs of frequencies", () => {
  expect(keyTone("1")?.notes[0]?.frequencies).toEqual([697, 1209]);
  expect(keyTone("#")?.notes[0]?.frequencies).toEqual([941, 1477]);
  expect(keyTone("d")?.notes[0]?.frequencies).toEqual([941, 1633]);
  expect(keyTone("12")).toBeUndefined();
  expect(keyTone("")).toBeUndefined();
});
