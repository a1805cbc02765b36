const most = 20;

/** Which calls are muted, kept for the next page of this tab: a reload must not open a microphone that its person had switched off. */
export class MuteMemory {
  readonly #storage: Storage | undefined;
  readonly #key: string;

  constructor(storage: Storage | undefined, key = "houseline.muted") {
    this.#storage = storage;
    this.#key = key;
  }

  has(call: string): boolean {
    return this.#read().includes(call);
  }

  set(call: string, muted: boolean): void {
    const known = this.#read();
    if (known.includes(call) === muted) return;
    const next = muted ? [...known, call].slice(-most) : known.filter((id) => id !== call);
    try {
      this.#storage?.setItem(this.#key, JSON.stringify(next));
    } catch {
      // Full, or not allowed.
    }
  }

  #read(): string[] {
    try {
      const kept: unknown = JSON.parse(this.#storage?.getItem(this.#key) ?? "[]");
      return Array.isArray(kept) ? kept.filter((id): id is string => typeof id === "string") : [];
    } catch {
      return [];
    }
  }
}
