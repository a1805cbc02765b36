import type { Page } from "playwright-core";
import { until } from "../support/until.ts";

declare global {
  interface Window {
    /** Resolves with the time when a tone is first heard on a connection, in milliseconds since the epoch. */
    firstTone(connection: () => RTCPeerConnection | undefined, hz: number): Promise<number>;
    ringing: Promise<number>;
  }
}

/** One end of the calls: how its page calls, notices a ring, answers and ends. All times are milliseconds since the epoch. */
export interface Caller {
  page: Page;
  hz: number;
  /** Calls the other end; when it was asked to. */
  call(): Promise<number>;
  /** Begins to wait for a ring. */
  await(): Promise<void>;
  rang(): Promise<number>;
  answer(): Promise<number>;
  /** When the tone of the other end is heard first. */
  hears(hz: number): Promise<number>;
  hangup(): Promise<void>;
  idle(): Promise<boolean>;
}

export interface Latencies { ringing: number[]; audio: number[] }

/** Calls again and again: milliseconds from the click until the other end rings, and from its answer until both hear each other. */
export async function measureCalls(from: Caller, to: Caller, times: number): Promise<Latencies> {
  await Promise.all([from, to].map(({ page }) => page.evaluate(install)));
  const found: Latencies = { ringing: [], audio: [] };
  // The first call wakes up what sleeps: the microphone, the audio of the page.
  for (let call = -1; call < times; call++) {
    await to.await();
    const clicked = await from.call();
    const rang = await to.rang();
    const heard = Promise.all([from.hears(to.hz), to.hears(from.hz)]);
    await until("some ringing", () => Date.now() > rang + 300);
    const answered = await to.answer();
    const latest = Math.max(...await heard);
    await from.hangup();
    await until("both idle", async () => await from.idle() && await to.idle());
    if (call < 0) continue;
    found.ringing.push(rang - clicked);
    found.audio.push(latest - answered);
  }
  return found;
}

/** Runs in the page. A short window of sound, looked at as often as the browser lets one: what it adds is some milliseconds. */
function install(): void {
  const context = new AudioContext({ sampleRate: 48_000 });
  window.firstTone = (connection, hz) => new Promise((resolve) => {
    let analyser: AnalyserNode | undefined;
    let track: MediaStreamTrack | undefined;
    const bins = new Float32Array(512);
    const look = () => {
      const found = connection()?.getReceivers()[0]?.track;
      if (found && found !== track) {
        track = found;
        analyser = new AnalyserNode(context, { fftSize: 1_024, smoothingTimeConstant: 0 });
        context.createMediaStreamSource(new MediaStream([found])).connect(analyser);
      }
      analyser?.getFloatFrequencyData(bins);
      const middle = Math.round(hz * 1_024 / 48_000);
      if (analyser && Math.max(...bins.slice(middle - 1, middle + 2)) > -50) resolve(Date.now());
      else setTimeout(look, 2);
    };
    look();
  });
}

/** A softphone page of ours, through the client library. */
export function softphone(page: Page, hz: number, other: string): Caller {
  return {
    page, hz,
    call: () => page.evaluate((other) => { const at = Date.now(); window.houseline.call(other); return at; }, other),
    await: () => page.evaluate(() => {
      window.ringing = new Promise((resolve) => {
        const off = window.houseline.on("incoming", () => {
          off();
          resolve(Date.now());
        });
      });
    }),
    rang: () => page.evaluate(() => window.ringing),
    answer: () => page.evaluate(() => { const at = Date.now(); window.houseline.calls.at(-1)!.answer(); return at; }),
    hears: (hz) => page.evaluate((hz) => window.firstTone(() => window.houseline.calls.at(-1)?.connection, hz), hz),
    hangup: () => page.evaluate(() => window.houseline.calls.forEach((call) => call.hangup())),
    idle: () => page.evaluate(() => window.houseline.calls.length === 0),
  };
}

/** The page of the tests: a bare JsSIP that sends its offer with the first addresses, as ours does. */
export function plainPage(page: Page, hz: number, other: string): Caller {
  return {
    page, hz,
    call: () => page.evaluate((other) => { const at = Date.now(); window.phone.call(other); return at; }, other),
    await: () => page.evaluate(() => { window.phone.events.length = 0; window.phone.autoAnswer = false; }),
    rang: () => until("a ring", () => page.evaluate(() => window.phone.events.find(({ what }) => what.startsWith("incoming"))?.at)),
    answer: () => page.evaluate(() => { const at = Date.now(); window.phone.answer(); return at; }),
    hears: (hz) => page.evaluate((hz) => window.firstTone(() => window.phone.sessions.at(-1)?.connection as RTCPeerConnection | undefined, hz), hz),
    hangup: () => page.evaluate(() => { const { session } = window.phone; if (!session.isEnded()) session.terminate(); }),
    idle: () => page.evaluate(() => window.phone.sessions.every((session) => session.isEnded())),
  };
}
