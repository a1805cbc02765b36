import type { ErrorCode } from "../protocol/wire.ts";

/** What the control connection refuses with: a code for programs, a sentence for people. */
export class ControlError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.name = "ControlError";
    this.code = code;
  }
}
