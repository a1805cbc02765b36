/** A map from event name to the arguments its listeners are given. */
type EventMap<Events> = { [Name in keyof Events]: unknown[] };

type Listener = (...args: unknown[]) => void;

/**
 * A typed emitter. A listener that throws cannot break its owner: the error is reported to the page (`reportError`)
 * and the next listener runs.
 */
export class Emitter<Events extends EventMap<Events>> {
  readonly #listeners = new Map<keyof Events, Set<Listener>>();

  /** Listens until the function that it returns is called. */
  on<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener as unknown as Listener);
    return () => {
      listeners.delete(listener as unknown as Listener);
    };
  }

  /** Listens for the next time only. */
  once<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => void): () => void {
    const off = this.on(name, (...args) => {
      off();
      listener(...args);
    });
    return off;
  }

  protected emit<Name extends keyof Events>(name: Name, ...args: Events[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        listener(...args);
      } catch (error) {
        report(error);
      }
    }
  }

  protected removeListeners(): void {
    this.#listeners.clear();
  }
}

function report(error: unknown): void {
  if (typeof globalThis.reportError === "function") globalThis.reportError(error);
  else console.error(error);
}
