import { readFile } from "node:fs/promises";

/** Frames of 32 ms, twice as many as fit; bands between 300 and 2300 Hz, where speech is told apart. Microphones of the tests play above. */
const rate = 8_000;
const frame = 256;
const hop = 128;
const bands = Array.from({ length: 11 }, (_, band) => 300 + band * 200);

/** Loudness of each band of each frame, in decibels; what is too quiet to matter is 0. */
export type Picture = Float32Array[];

/** 16-bit samples, 8000 a second, as a picture. */
export function picture(samples: Int16Array): Picture {
  const frames: Picture = [];
  for (let at = 0; at + frame <= samples.length; at += hop) {
    frames.push(Float32Array.from(bands, (hz) => Math.max(0, 20 * Math.log10(goertzel(samples, at, hz) + 1e-9))));
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

/** A receiver stretches what comes late: pieces of a prompt (frames) may lie this far (frames) from where they belong. */
const piece = 20;
const stretch = 10;

/** How well `wanted` is found anywhere in `heard`: 1 is perfectly. Each piece is looked for by itself, near its place. */
export function likeness(heard: Picture, wanted: Picture): number {
  const pieces = Math.max(1, Math.floor(wanted.length / piece));
  const curves = Array.from({ length: pieces }, (_, i) => correlation(heard, wanted.slice(i * piece, (i + 1) * piece)));
  let best = 0;
  for (let at = 0; at + wanted.length <= heard.length; at++) {
    let sum = 0;
    for (const [i, curve] of curves.entries()) sum += Math.max(...curve.subarray(Math.max(0, at + i * piece - stretch), at + i * piece + stretch + 1));
    best = Math.max(best, sum / pieces);
  }
  return best;
}

/** Normalised cross-correlation of two pictures, for each offset. */
function correlation(heard: Picture, wanted: Picture): Float32Array {
  const size = wanted.length * bands.length;
  const all = Float32Array.from(heard.flatMap((frame) => [...frame]));
  const target = Float32Array.from(wanted.flatMap((frame) => [...frame]));
  const mean = target.reduce((sum, value) => sum + value, 0) / size;
  const length = Math.sqrt(target.reduce((sum, value, i) => sum + (target[i] = value - mean) ** 2, 0));
  const sums = new Float64Array(all.length + 1);
  const squares = new Float64Array(all.length + 1);
  for (const [i, value] of all.entries()) {
    sums[i + 1] = sums[i]! + value;
    squares[i + 1] = squares[i]! + value * value;
  }
  const curve = new Float32Array(Math.max(0, heard.length - wanted.length + 1));
  for (let offset = 0; offset < curve.length; offset++) {
    const at = offset * bands.length;
    let product = 0;
    for (let i = 0; i < size; i++) product += all[at + i]! * target[i]!;
    const sum = sums[at + size]! - sums[at]!;
    const spread = Math.sqrt(Math.max(1, squares[at + size]! - squares[at]! - sum * sum / size));
    curve[offset] = product / (spread * length + 1);
  }
  return curve;
}

/** The sound of a WAV file of 8000 Hz, 16 bits, one channel, without the silence around it. */
export async function recording(path: string): Promise<Int16Array> {
  const file = await readFile(path);
  const data = file.indexOf("data");
  const samples = new Int16Array(file.buffer.slice(file.byteOffset + data + 8, file.byteOffset + data + 8 + (file.readUInt32LE(data + 4) & ~1)));
  const loud = (value: number) => Math.abs(value) > 300;
  return samples.slice(samples.findIndex(loud), samples.findLastIndex(loud));
}
