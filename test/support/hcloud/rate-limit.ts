import { ApiError } from "./answer.ts";

/** Requests that a project may make: so many at once, and as many anew with time. (docs.hetzner.cloud, "Rate Limiting") */
export class RateLimit {
  /** At most. */
  #limit = 3_600;
  /** Per second. */
  #refill = 1;
  #left = 3_600;
  #at = Date.now();

  /** Another limit, of which so much is left. */
  set(limit: number, refill: number, left = limit): void {
    [this.#limit, this.#refill, this.#left, this.#at] = [limit, refill, left, Date.now()];
  }

  /** @throws ApiError `rate_limit_exceeded` */
  take(): void {
    this.#left = Math.min(this.#limit, this.#left + (Date.now() - this.#at) / 1_000 * this.#refill);
    this.#at = Date.now();
    if (this.#left < 1) throw new ApiError("rate_limit_exceeded", "rate limit exceeded");
    this.#left -= 1;
  }

  get headers(): Record<string, string> {
    const full = Math.ceil((this.#at + (this.#limit - this.#left) / this.#refill * 1_000) / 1_000);
    return { "RateLimit-Limit": String(this.#limit), "RateLimit-Remaining": String(Math.floor(this.#left)), "RateLimit-Reset": String(full) };
  }
}
