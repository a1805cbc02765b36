/**
 * An error meant for the person at the keyboard: what is wrong, where, and what to type instead. `main.ts` prints its
 * message alone and exits with 1; any other error is a bug and is reported as one.
 */
export class Failure extends Error {
  override name = "Failure";
}
