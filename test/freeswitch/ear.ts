import { readFile } from "node:fs/promises";

/** Frames of 16 ms; bands between 300 and 3300 Hz, where speech is told apart. */
const rate = 8_000;
const frame = 256;
const hop = 128;
const bands = Array.from({ length: 12 }, (_, band) => 300 + band * 250);

/** Loudness of each band of each frame, in decibels above a floor. */
export type Picture = Float32Array[];

/** 16-bit samples, 8000 a second, as a picture. */
export function picture(samples: Int16Array): Picture {
  const frames: Picture = [];
  for (let at = 0; at + frame <= samples.length; at += hop) {
    frames.push(Float32Array.from(bands, (hz) => Math.max(0, 20 * Math.log10(goertzel(samples, at, hz) + 1e-9) + 20)));
  }
  return frames;
}

/** Strength of one frequency in one frame. (Goertzel's algorithm) */
function goertzel(samples: Int16Array, at: number, hz: number): number {
  const turn = 2 * Math.cos(2 * Math.PI * hz / rate);
  let before = 0;
  let now = 0;
  for (let i = 0; i < frame; i++) {
    const window = 0.5 - 0.5 * Math.cos(2 * Math.PI * i / frame);
    [before, now] = [now, (samples[at + i] ?? 0) * window + turn * now - before];
  }
  return Math.sqrt(Math.max(0, now * now + before * before - turn * now * before)) / frame;
}

/** How well `wanted` is found anywhere in `heard`: 1 is perfectly, chance is below 0.5. */
export function likeness(heard: Picture, wanted: Picture): number {
  const target = flatten(wanted, 0, wanted.length);
  let best = 0;
  for (let at = 0; at + wanted.length <= heard.length; at++) {
    const part = flatten(heard, at, wanted.length);
    let sum = 0;
    for (let i = 0; i < part.length; i++) sum += (part[i] ?? 0) * (target[i] ?? 0);
    best = Math.max(best, sum);
  }
  return best;
}

/** A stretch of a picture as one vector of length 1 around its mean. */
function flatten(frames: Picture, from: number, count: number): Float32Array {
  const flat = new Float32Array(count * bands.length);
  for (let i = 0; i < count; i++) flat.set(frames[from + i] ?? [], i * bands.length);
  const mean = flat.reduce((sum, value) => sum + value, 0) / flat.length;
  let length = 0;
  for (let i = 0; i < flat.length; i++) length += ((flat[i] = (flat[i] ?? 0) - mean)) ** 2;
  return flat.map((value) => value / Math.sqrt(length + 1e-9));
}

/** The sound of a WAV file of 8000 Hz, 16 bits, one channel, without the silence around it. */
export async function recording(path: string): Promise<Int16Array> {
  const file = await readFile(path);
  const data = file.indexOf("data");
  const samples = new Int16Array(file.buffer.slice(file.byteOffset + data + 8, file.byteOffset + data + 8 + (file.readUInt32LE(data + 4) & ~1)));
  const loud = (value: number) => Math.abs(value) > 300;
  return samples.slice(samples.findIndex(loud), samples.findLastIndex(loud));
}
