import type { Call, Houseline, Supervision } from "../client/index.ts";
import { button, byId, element, redraw } from "./element.ts";
import { attempt } from "./notices.ts";
import { clock } from "./say.ts";
import { words } from "./words.ts";

/** How often the list is asked for while it is in sight: calls of others come with no event. */
const everyMs = 3_000;

/** Calls in progress of others, for those who may see them. */
export class SuperviseView {
  readonly #phone: Houseline;
  readonly #place = byId("panel-supervise");
  readonly #list = element("ul", { "class": "rows" });
  readonly #empty = element("p", { "class": "quiet hint" }, words.noCalls);
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(phone: Houseline) {
    this.#phone = phone;
    this.#place.append(this.#list, this.#empty);
  }

  /** The tab came into sight. */
  async shown(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#place.hidden || !this.#phone.me) return;
    if (document.visibilityState === "visible" && this.#phone.state === "online") {
      await this.#phone.supervisor.calls().then((calls) => this.#show(calls), () => {});
    }
    this.#timer = setTimeout(() => void this.shown(), everyMs);
  }

  #show(calls: Call[]): void {
    this.#empty.hidden = calls.length > 0;
    redraw(this.#list, ...calls.map((call) => this.#row(call)));
  }

  #row(call: Call): HTMLLIElement {
    const { directory, supervisor } = this.#phone;
    const [one, other] = [call.caller.name, call.callee.name];
    const mine = call.participants?.some(({ user }) => user === this.#phone.me?.user) ?? false;
    const supervise = (mode: Supervision, word: string) => (directory.may(`supervise.${mode}`)
      ? [button(word, () => attempt(() => supervisor.supervise(call.id, mode)), { attributes: { "aria-label": `${word}: ${one}, ${other}` } })] : []);
    const answered = call.answeredAt !== undefined;
    return element("li", { "class": "supervised", "data-supervised": call.id },
      element("div", { "class": "row" }, element("span", { "class": "who" }, element("b", {}, `${one} → ${other}`), element("span", {}, answered ? clock(Date.now() - call.answeredAt!) : words.presence.ringing))),
      element("div", { "class": "actions" },
        ...(answered && !mine ? [...supervise("listen", words.listen), ...supervise("whisper", words.whisper), ...supervise("barge", words.barge)] : []),
        ...(!answered && directory.may("calls.pickup") ? [button(words.pickUp, () => attempt(() => this.#phone.pickUp({ call: call.id })))] : []),
        ...(directory.may("supervise.end") ? [button(words.endCall, () => attempt(() => supervisor.end(call.id)), { class: "danger", attributes: { "aria-label": `${words.endCall}: ${one}, ${other}` } })] : [])));
  }
}
