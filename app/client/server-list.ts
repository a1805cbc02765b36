/** URLs of one stack's servers that are kept; what a server says beyond is passed over. */
const most = 8;

/** The application servers that a page may be at: those that it was given, and those that the stack itself told it of. */
export class ServerList {
  #urls: readonly string[];
  #at = 0;

  /** @param urls `ws:` or `wss:` URLs, the one to begin with first */
  constructor(urls: readonly string[]) {
    if (urls.length === 0) throw new Error("Houseline needs the URL of an application server.");
    this.#urls = [...new Set(urls)].slice(0, most);
  }

  /** The one that has the session, or is asked next. */
  get current(): string {
    return this.#urls[this.#at]!;
  }

  /** All of them, the current one first: what the next page of the tab begins with. */
  get all(): string[] {
    return [...this.#urls.slice(this.#at), ...this.#urls.slice(0, this.#at)];
  }

  get count(): number {
    return this.#urls.length;
  }

  /** Whether there is another one to go to. */
  get areSeveral(): boolean {
    return this.count > 1;
  }

  /** Takes on what a server says of the others; the current one stays. */
  learn(urls: readonly string[]): void {
    const { current } = this;
    this.#urls = [...new Set([...this.#urls, ...urls])].slice(0, most);
    this.#at = this.#urls.indexOf(current);
  }

  /** Begins where an earlier page of the tab was. */
  takeUp(urls: readonly string[]): void {
    const [first] = urls;
    if (first === undefined) return;
    this.#urls = [...new Set([...urls, ...this.#urls])].slice(0, most);
    this.#at = 0;
  }

  /** The current one can't be reached: the next is asked. */
  next(): void {
    this.#at = (this.#at + 1) % this.count;
  }
}
