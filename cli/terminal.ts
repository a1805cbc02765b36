import { createInterface } from "node:readline/promises";

/** Everything that is for reading goes to standard output, progress of slow steps to standard error. */
export function say(line = ""): void {
  process.stdout.write(`${line}\n`);
}

/**
 * Whoever read what is said may go: a connection that breaks, a CI job that is cancelled, `| head`. The work goes on to its end, unread. An error of
 * such a stream that nobody takes would be told by Pulumi's SDK, over the same stream, for ever.
 */
export function goOnUnread(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      // Of a pipe or socket, and of a terminal. (write(2))
      if (error.code !== "EPIPE" && error.code !== "EIO" && error.code !== "ECONNRESET") throw error;
    });
  }
}

/** Tells where a slow step is: shown beside its elapsed time. */
export type Note = (what: string) => void;

const isTerminal = process.stderr.isTTY === true;
/** Where nobody watches a line change, a step says every so often that it is still at it. */
const quietIntervalMs = 30_000;

/** Runs a slow step with its elapsed time, and says how it ended. */
export async function step<T>(title: string, work: (note: Note) => Promise<T>): Promise<T> {
  const started = performance.now();
  const elapsed = () => `${Math.round((performance.now() - started) / 1_000)} s`;
  let doing = "";
  const show = () => process.stderr.write(isTerminal
    ? `\r\x1b[2K  ${`${title} … ${elapsed()} ${doing}`.slice(0, (process.stderr.columns ?? 80) - 3)}`
    : `  ${title} … ${elapsed()} ${doing}\n`);
  const timer = setInterval(show, isTerminal ? 500 : quietIntervalMs);
  if (!isTerminal) process.stderr.write(`  ${title} …\n`);
  const end = (word: string) => process.stderr.write(`${isTerminal ? "\r\x1b[2K" : ""}  ${title}: ${word}\n`);
  try {
    const result = await work((what) => { doing = what; });
    end(`done in ${elapsed()}`);
    return result;
  } catch (error) {
    end(`failed after ${elapsed()}`);
    throw error;
  } finally {
    clearInterval(timer);
  }
}

/** Asks a question; `undefined` where nobody can be asked. */
export async function ask(question: string): Promise<string | undefined> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question(`${question} `)).trim();
  } finally {
    terminal.close();
  }
}

/** Asks a question that is answered with yes or no; `undefined` where nobody can be asked. */
export async function confirm(question: string): Promise<boolean | undefined> {
  const answer = await ask(`${question} [Y/n]`);
  return answer === undefined ? undefined : /^(y(es)?)?$/i.test(answer);
}
