import type { Page } from "playwright-core";

interface Hearing { longest: number; run: number; last: number; stop(): void }
interface Frame { numberOfFrames: number; sampleRate: number; copyTo(to: Float32Array, options: { planeIndex: number; format: string }): void; close(): void }
declare global {
  interface Window { hearing?: Hearing }
  /** Chromium's; TypeScript's DOM has it not. (mediacapture-transform) */
  class MediaStreamTrackProcessor { constructor(init: { track: MediaStreamTrack; maxBufferSize: number }); readonly readable: ReadableStream<Frame> }
}

/**
 * Looks at every sample that the newest call plays, so that a page which stands still for a moment misses none: a gap is in what is
 * heard, not in when the page came to look. `hz`: the tone of who is talking; without it, any sound (music).
 */
export async function hear(page: Page, hz?: number): Promise<void> {
  await page.evaluate((hz) => {
    window.hearing?.stop();
    const newest = () => window.houseline.calls.flatMap((call) => call.remoteStream?.getAudioTracks() ?? []).findLast(({ readyState }) => readyState === "live");
    if (!newest()) throw new Error("There is no call to listen to.");
    let stopped = false;
    const hearing: Hearing = { longest: 0, run: 0, last: performance.now(), stop: () => { stopped = true; } };
    window.hearing = hearing;
    const silent = (milliseconds: number) => { hearing.longest = Math.max(hearing.longest, hearing.run += milliseconds); };
    const heard = (samples: Float32Array, rate: number) => {
      const energy = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      // Quieter than 80 decibels below the loudest is silence.
      if (hz === undefined || energy < 1e-8) return energy >= 1e-8;
      // Goertzel: the share of the energy that is the tone.
      const turn = 2 * Math.cos((2 * Math.PI * hz) / rate);
      let [one, two] = [0, 0];
      for (const sample of samples) [one, two] = [sample + turn * one - two, one];
      const tone = (2 * (one * one + two * two - turn * one * two)) / samples.length ** 2;
      return tone > energy / 4;
    };
    void (async () => {
      let [samples, begun] = [new Float32Array(480), false];
      // A call that was brought back has another track.
      for (let first = true; !stopped; first = false) {
        const track = newest();
        if (!track) {
          await new Promise((resolve) => setTimeout(resolve, 10));
          continue;
        }
        const reader = new MediaStreamTrackProcessor({ track: track.clone(), maxBufferSize: 1_000 }).readable.getReader();
        for (let isFirst = !first; !stopped && newest() === track; isFirst = false) {
          const { value, done } = await reader.read();
          if (done) break;
          if (samples.length !== value.numberOfFrames) samples = new Float32Array(value.numberOfFrames);
          value.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
          if (isFirst) silent(performance.now() - hearing.last);
          hearing.last = performance.now();
          if (heard(samples, value.sampleRate)) {
            hearing.run = 0;
            begun = true;
          } else if (begun) silent((value.numberOfFrames / value.sampleRate) * 1_000);
          value.close();
        }
        await reader.cancel().catch(() => {});
      }
    })();
  }, hz);
}

/** Milliseconds of the longest stretch since `hear` in which it was not heard, or in which nothing came at all until now. */
export async function longestGap(page: Page): Promise<number> {
  return page.evaluate(() => {
    const { longest = Infinity, last = 0, stop } = window.hearing ?? {};
    stop?.();
    delete window.hearing;
    return Math.round(Math.max(longest, performance.now() - last));
  });
}
