import { writeFileSync } from "node:fs";

/** One measurement; `ratio` is to the peer measured in the same run, `ok` whether the goal was met. */
export interface Figure { name: string; value: number; unit: string; goal?: string; peer?: number; ratio?: number; ok?: boolean }

const figures: Figure[] = [];

/** Keeps a figure and writes all of them out: what an interrupted bench has measured is not lost. */
export function report(figure: Figure): void {
  const { peer, value } = figure;
  figures.push({ ...figure, value: rounded(value), ...(peer === undefined ? {} : { peer: rounded(peer), ...(peer !== 0 && { ratio: rounded(value / peer) }) }) });
  writeFileSync(process.env.HOUSELINE_BENCH_OUTPUT!, JSON.stringify(figures));
  process.stderr.write(`  ${figure.name}: ${rounded(value)} ${figure.unit}\n`);
}

const rounded = (value: number) => Number(value.toPrecision(3));

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which a share of the values lies (the nearest one). */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

/** Seconds of some work, as often as it is wanted. */
export async function seconds(times: number, work: () => Promise<unknown>): Promise<number[]> {
  const taken: number[] = [];
  for (let i = 0; i < times; i++) {
    const begun = performance.now();
    await work();
    taken.push((performance.now() - begun) / 1_000);
  }
  return taken;
}
