/** The switch answered `-ERR`: it is there, and did not do it. */
export class EslRefusal extends Error {
  override name = "EslRefusal";
  /** What it said, without `-ERR`. */
  readonly sentence: string;

  constructor(command: string, sentence: string) {
    super(`${command}: ${sentence}`);
    this.sentence = sentence;
  }

  /** The channel had ended before the command came. */
  get gone(): boolean {
    return /no such channel|cannot locate session|invalid uuid|not found|no reply/i.test(this.sentence);
  }
}

/** The switch could not be asked, or did not answer in time: whether it did anything is not known. */
export class LinkError extends Error {
  override name = "LinkError";
}
