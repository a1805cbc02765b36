/**
 * Something the person who deploys can mend: what is wrong, what it means, what to type next. Thrown before anything is
 * changed; its message is shown without a stack trace. Any other error is a bug.
 */
export class Refusal extends Error {
  override name = "Refusal";
}
