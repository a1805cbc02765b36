/** One sounding stretch of a tone: the frequencies that sound together, from when and how long, in seconds. */
interface Note {
  frequencies: readonly number[];
  at: number;
  length: number;
}

/** A tone as one period, made to be looped, so that no timer has to keep it going in a tab in the background. */
export interface Tone {
  period: number;
  volume: number;
  notes: readonly Note[];
  loop: boolean;
}

const trill = (at: number): Note[] => Array.from({ length: 10 }, (_, index) => ({ frequencies: index % 2 ? [988, 1976] : [784, 1568], at: at + index * 0.05, length: 0.05 }));

export const tones = {
  /** Somebody rings: two bursts, starting at once. */
  ring: { period: 3, volume: 0.35, loop: true, notes: [...trill(0), ...trill(0.75)] },
  /** Somebody rings during a call: discreet. */
  waiting: { period: 4, volume: 0.12, loop: true, notes: [{ frequencies: [440], at: 0, length: 0.2 }, { frequencies: [440], at: 0.4, length: 0.2 }] },
  /** The other side rings (ETSI: 425 Hz, one second of five). */
  ringback: { period: 5, volume: 0.12, loop: true, notes: [{ frequencies: [425], at: 0, length: 1 }] },
  /** The other side is busy or can't be reached: three short beeps. */
  busy: { period: 1.5, volume: 0.12, loop: false, notes: [0, 0.5, 1].map((at) => ({ frequencies: [425], at, length: 0.25 })) },
  /** The call is over. */
  over: { period: 0.3, volume: 0.1, loop: false, notes: [{ frequencies: [480], at: 0, length: 0.1 }, { frequencies: [360], at: 0.12, length: 0.14 }] },
} satisfies Record<string, Tone>;

export type ToneName = keyof typeof tones;

const rows = [697, 770, 852, 941];
const columns = [1209, 1336, 1477, 1633];
const keys = "123A456B789C*0#D";

/** What a key of the keypad sounds like, for the ear of the person who presses it. */
export function keyTone(key: string): Tone | undefined {
  const index = keys.indexOf(key.toUpperCase());
  if (key.length !== 1 || index < 0) return undefined;
  return { period: 0.12, volume: 0.1, loop: false, notes: [{ frequencies: [rows[Math.floor(index / 4)]!, columns[index % 4]!], at: 0, length: 0.12 }] };
}

/** Seconds over which a note comes and goes, so that it does not click. */
const edge = 0.008;

/** The samples of one period. */
export function render({ period, volume, notes }: Tone, sampleRate: number): Float32Array<ArrayBuffer> {
  const samples = new Float32Array(Math.round(period * sampleRate));
  for (const { frequencies, at, length } of notes) {
    const first = Math.round(at * sampleRate);
    const count = Math.min(Math.round(length * sampleRate), samples.length - first);
    for (let index = 0; index < count; index++) {
      const time = index / sampleRate;
      const envelope = Math.min(1, time / edge, (count / sampleRate - time) / edge);
      let sum = 0;
      for (const frequency of frequencies) sum += Math.sin(2 * Math.PI * frequency * time);
      samples[first + index]! += (volume * envelope * sum) / frequencies.length;
    }
  }
  return samples;
}
