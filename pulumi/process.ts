import { spawn } from "node:child_process";

export interface Outcome { code: number; stdout: string; stderr: string }

export interface RunOptions {
  /** Added to this process's own environment; `undefined` takes a variable away. */
  environment?: Record<string, string | undefined>;
  directory?: string;
  /** Called with each line of either stream as it comes. */
  onLine?: (line: string) => void;
  signal?: AbortSignal;
  /** After this the command is killed, and its outcome is a failure. */
  timeoutSeconds?: number;
  /** A file descriptor that its output goes to; nothing is collected then. */
  outputTo?: number;
  /** A file descriptor that it reads from. */
  inputFrom?: number;
}

/** At most this much of either stream is kept, the end of it. */
const keptCharacters = 4_000_000;

/** Runs a command to its end. A command that can't be started rejects; one that fails is an outcome. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.directory,
      env: { ...process.env, ...options.environment },
      stdio: [options.inputFrom ?? "ignore", options.outputTo ?? "pipe", "pipe"],
      // In a group of its own: Ctrl-C is answered once, by the command that runs this.
      detached: true,
    });
    const kill = () => killGroup(child.pid);
    const timer = options.timeoutSeconds === undefined ? undefined : setTimeout(kill, options.timeoutSeconds * 1_000);
    options.signal?.addEventListener("abort", kill, { once: true });
    if (options.signal?.aborted) kill();
    const outcome: Outcome = { code: 1, stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      let rest = "";
      child[stream]?.setEncoding("utf8").on("data", (text: string) => {
        outcome[stream] = (outcome[stream] + text).slice(-keptCharacters);
        if (!options.onLine) return;
        const lines = (rest + text).split("\n");
        rest = lines.pop()!.slice(-10_000);
        lines.forEach((line) => options.onLine!(line));
      });
    }
    const settle = () => {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", kill);
    };
    child.on("error", (error) => {
      settle();
      reject(error);
    });
    child.on("close", (code) => {
      settle();
      resolve({ ...outcome, code: code ?? 1 });
    });
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGTERM");
  } catch {
    // It has ended by itself.
  }
}
