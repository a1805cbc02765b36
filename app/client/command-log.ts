/** Commands after which the switch may ring this device for a call of the person's own. */
const bringing = new Set(["call", "redial", "answer", "consult", "conference", "addParticipant", "pickUp", "moveCall", "supervise"]);

/** Milliseconds after a command's answer in which its INVITE may still come: the switch rings, and the network is slow. */
const afterMs = 15_000;
/** Ids remembered at once. */
const most = 100;

/** Which calls this device asked for, or was asked to answer: what an INVITE that wants to be answered by itself is held against. */
export class CommandLog {
  readonly #commanded = new Map<string, number>();
  readonly #asked = new Map<string, number>();
  readonly #now: () => number;
  #underWay = 0;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Runs a command; the calls that it and its answer name may be answered from when it began. */
  async during<Answer>(name: string, params: Record<string, unknown>, run: () => Promise<Answer>): Promise<Answer> {
    // A command for another device brings nothing here.
    if (!bringing.has(name) || params["device"] !== undefined) return run();
    const named = params["call"];
    if (typeof named === "string") this.#remember(this.#commanded, named);
    this.#underWay++;
    try {
      const answer = await run();
      const { call, consultation } = answer as { call?: unknown; consultation?: unknown };
      for (const id of [call, consultation]) if (typeof id === "string") this.#remember(this.#commanded, id);
      return answer;
    } catch (error) {
      if (typeof named === "string") this.#commanded.delete(named);
      throw error;
    } finally {
      this.#underWay--;
    }
  }

  /** The server asked this device to answer. */
  ask(id: string): void {
    this.#remember(this.#asked, id);
  }

  knowledgeOf(id: string): { commanded: boolean; asked: boolean; commandUnderWay: boolean } {
    const isFresh = (at: number | undefined) => at !== undefined && this.#now() - at < afterMs;
    return { commanded: isFresh(this.#commanded.get(id)), asked: isFresh(this.#asked.get(id)), commandUnderWay: this.#underWay > 0 };
  }

  #remember(log: Map<string, number>, id: string): void {
    log.delete(id);
    log.set(id, this.#now());
    for (const oldest of log.keys()) {
      if (log.size <= most) break;
      log.delete(oldest);
    }
  }
}
