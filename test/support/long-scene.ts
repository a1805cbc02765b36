import { describe } from "vitest";

/** Milliseconds since 1970 from which a run begins no more of them; set by `./houseline test`, whose time is bounded (cli/test.ts). */
const latest = Number(process.env.HOUSELINE_TEST_LATEST ?? Infinity);

/**
 * A scene of minutes: several machines, a Docker of its own, a command killed at each step.
 *
 * @param unfit why this machine can't play it
 */
export function longScene(name: string, unfit: string | false | undefined, body: () => void): void {
  const reason = unfit || (Date.now() > latest ? "the run had no time left; './houseline test --only long' has as much as it takes" : undefined);
  describe.skipIf(reason !== undefined)(`${name}${reason === undefined ? "" : ` (skipped: ${reason})`}`, body);
}
