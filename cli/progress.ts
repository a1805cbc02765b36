import type { EngineEvent, StepEventMetadata } from "@pulumi/pulumi/automation/index.js";

const containerType = "docker:index/container:Container";
const words: Record<string, string> = {
  "create": "starting", "create-replacement": "starting the new release", "update": "updating",
  "delete": "removing", "delete-replaced": "stopping the old release",
};
const done: Record<string, string> = {
  "create": "started", "create-replacement": "new release is healthy", "update": "updated",
  "delete": "removed", "delete-replaced": "old release is gone",
};

/** In milliseconds: between the end of one of those that go in turn and the beginning of the next. */
const turnMs = 500;

/** Live progress of a deployment: a line for each container that changes. */
export class Progress {
  /** When what is under way began; several releases of one container may be told to go at once, under the same name. */
  readonly #started = new Map<string, number[]>();
  readonly #write: (line: string) => void;
  readonly #inTurn: boolean;
  readonly #now: () => number;
  #changes = 0;
  #open = 0;
  /** Old releases that were told to finish their work and have not yet. */
  #draining = 0;
  #endedAt = 0;
  /** Ids of the old releases whose end has begun and is not known to have come. */
  readonly #leaving = new Set<string>();
  /** Ids of the old releases whose new one has come, and which were not told to go yet. */
  readonly #toTell = new Set<string>();

  /** @param inTurn whether application servers go one after the other: each is soon gone, and the next is told to go only then */
  constructor(write: (line: string) => void, inTurn = false, now: () => number = () => performance.now()) {
    this.#write = write;
    this.#inTurn = inTurn;
    this.#now = now;
  }

  get changes(): number {
    return this.#changes;
  }

  /** Whether nothing is under way but old releases that drain, all of which have been told to. */
  get onlyDraining(): boolean {
    return this.#draining > 0 && this.#open === this.#draining && this.#toTell.size === 0 && !(this.#inTurn && this.#now() - this.#endedAt < turnMs);
  }

  /** Ids of the old releases that drain still. */
  get leaving(): ReadonlySet<string> {
    return this.#leaving;
  }

  #drains(op: string, type: string, urn: string): boolean {
    return op === "delete-replaced" && type === containerType && !(this.#inTurn && nameOf(urn).startsWith("app-server"));
  }

  readonly listen = (event: EngineEvent) => {
    const before = event.resourcePreEvent?.metadata;
    const after = event.resOutputsEvent?.metadata ?? event.resOpFailedEvent?.metadata;
    if (before) this.#began(before);
    if (after) this.#ended(after, event.resOpFailedEvent !== undefined);
  };

  #began({ op, type, urn, old }: StepEventMetadata): void {
    if (!(op in words)) return;
    this.#open++;
    this.#started.set(`${op} ${urn}`, [...this.#started.get(`${op} ${urn}`) ?? [], this.#now()]);
    if (this.#drains(op, type, urn)) this.#draining++;
    if (type !== containerType) return;
    // An upgrade that did not wait has left some of the same name, which go again, and first: it is known by its id which one this is.
    if (op === "delete-replaced") this.#toTell.delete(old?.id ?? urn);
    if (op === "delete-replaced" && old?.id && !isData(urn)) this.#leaving.add(old.id);
    this.#changes++;
    this.#write(`${nameOf(urn)}: ${words[op]}`);
  }

  #ended({ op, type, urn, old }: StepEventMetadata, failed: boolean): void {
    const started = this.#started.get(`${op} ${urn}`)?.shift();
    if (started === undefined) return;
    this.#open--;
    this.#endedAt = this.#now();
    if (this.#drains(op, type, urn)) this.#draining--;
    if (type !== containerType) return;
    // One that failed was interrupted, perhaps before Docker was asked.
    if (op === "delete-replaced" && !failed && old?.id) this.#leaving.delete(old.id);
    // The engine tells old releases one by one to go, a moment after the last new one has come: it is not interrupted between them.
    // What has no work to finish goes after those that use it, which may be in hours.
    if (op === "create-replacement" && !failed && !isData(urn)) this.#toTell.add(old?.id ?? urn);
    this.#write(`${nameOf(urn)}: ${failed ? "failed" : done[op]} after ${((this.#now() - started) / 1_000).toFixed(1)} s`);
  }
}

/** Containers of data alone: sounds and secrets, on whichever host. */
const isData = (urn: string) => /-(sound|secrets)(-|$)/.test(nameOf(urn));

/** `urn:pulumi:local::houseline::…::app-server` → `app-server` */
const nameOf = (urn: string) => urn.split("::").at(-1) ?? urn;
