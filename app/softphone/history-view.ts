import type { HistoryEntry, Houseline } from "../client/index.ts";
import { button, byId, element, iconButton, redraw } from "./element.ts";
import { icon } from "./icons.ts";
import { attempt } from "./notices.ts";
import { clock, moment } from "./say.ts";
import { locale, words } from "./words.ts";

/** Calls that are over, as the server keeps them: the same on every device. */
export class HistoryView {
  readonly #phone: Houseline;
  readonly #place = byId("panel-history");
  readonly #list = element("ul", { "class": "rows", "id": "history" });
  readonly #empty = element("p", { "class": "quiet hint" }, words.noHistory);
  readonly #more = button(words.more, () => attempt(() => this.#phone.history.more()), { class: "plain" });
  readonly #filters: HTMLElement;
  readonly #actions: { call(user: string): void; write(user: string): void };

  constructor(phone: Houseline, actions: { call(user: string): void; write(user: string): void }) {
    this.#phone = phone;
    this.#actions = actions;
    const filter = (label: string, missedOnly: boolean) => button(label, () => attempt(() => phone.history.load(missedOnly)), { attributes: { "data-missed": String(missedOnly) } });
    this.#filters = element("div", { "class": "filters", "role": "group", "aria-label": words.history }, filter(words.all, false), filter(words.missed, true));
    this.#place.append(this.#filters, this.#list, this.#empty, this.#more);
    phone.history.on("changed", () => this.#show());
    this.#show();
  }

  /** The tab came into sight: what is new is loaded, and the missed ones have been seen. */
  shown(): void {
    attempt(async () => {
      await this.#phone.history.load();
      if ((this.#phone.directory.profile?.missedCalls ?? 0) > 0) await this.#phone.history.markSeen();
    });
  }

  #show(): void {
    const { entries, isComplete, missedOnly } = this.#phone.history;
    this.#empty.hidden = entries.length > 0;
    this.#more.hidden = isComplete || entries.length === 0;
    for (const filter of this.#filters.querySelectorAll<HTMLElement>("button")) filter.setAttribute("aria-pressed", String(filter.dataset.missed === String(missedOnly)));
    redraw(this.#list, ...entries.map((entry) => this.#row(entry)));
  }

  #row(entry: HistoryEntry): HTMLLIElement {
    const { peer, startedAt, direction } = entry;
    const kind = entry.missed ? "missed" : direction;
    const name = peer.name;
    return element("li", { "class": `row ${kind}`, "data-call": entry.call },
      element("span", { "class": "kind", "title": kind === "missed" ? words.missedCall : words[direction] }, icon(kind)),
      element("span", { "class": "who" }, element("b", {}, name), element("span", {}, sentence(entry))),
      element("time", { datetime: new Date(startedAt).toISOString() }, moment(startedAt, Date.now(), locale)),
      iconButton("message", words.writeTo(name), () => this.#actions.write(peer.user)),
      iconButton("call", words.callSomebody(name), () => this.#actions.call(peer.user), { "class": "icon-button go" }));
  }
}

function sentence({ direction, reason, answeredAt, endedAt, missed }: HistoryEntry): string {
  if (answeredAt !== undefined) return `${words[direction]} · ${clock(endedAt - answeredAt)}`;
  return missed ? words.missedCall : `${words[direction]} · ${words.unanswered[reason] ?? words.notReached}`;
}
