import { byId, element } from "./element.ts";
import { icon } from "./icons.ts";
import type { IconName } from "./icons.ts";
import { words } from "./words.ts";

export const tabNames = ["people", "messages", "history", "rooms", "supervise"] as const;
export type TabName = (typeof tabNames)[number];

const icons: Record<TabName, IconName> = { people: "people", messages: "message", history: "history", rooms: "rooms", supervise: "supervise" };

/** The tabs of the left side, or at the bottom of a telephone's screen. (ARIA Authoring Practices, "Tabs") */
export class Tabs {
  readonly #buttons = new Map<TabName, HTMLButtonElement>();
  readonly #shown: (tab: TabName) => void;
  #current: TabName = "people";

  /** @param shown called when a tab comes into sight */
  constructor(shown: (tab: TabName) => void) {
    this.#shown = shown;
    for (const name of tabNames) {
      const tab = element("button", { "type": "button", "role": "tab", "id": `tab-${name}`, "aria-controls": `panel-${name}`, "click": () => this.show(name) },
        icon(icons[name]), element("span", { "class": "tab-name" }, words[name]), element("span", { "class": "badge", "hidden": true }));
      this.#buttons.set(name, tab);
      byId("tabs").append(tab);
    }
    byId("tabs").addEventListener("keydown", (event) => this.#onKey(event));
    this.allow("supervise", false);
    this.#mark();
  }

  get current(): TabName {
    return this.#current;
  }

  show(name: TabName): void {
    this.#current = name;
    this.#mark();
    this.#shown(name);
  }

  allow(name: TabName, on: boolean): void {
    this.#buttons.get(name)!.hidden = !on;
    if (!on && this.#current === name) this.show("people");
  }

  /** A number on a tab, with what it means for those who don't see it. */
  count(name: TabName, count: number, meaning: (count: number) => string): void {
    const tab = this.#buttons.get(name)!;
    const badge = tab.querySelector<HTMLElement>(".badge")!;
    badge.hidden = count === 0;
    badge.textContent = count > 99 ? "99+" : String(count);
    if (count === 0) tab.removeAttribute("aria-label");
    else tab.setAttribute("aria-label", `${words[name]}, ${meaning(count)}`);
  }

  #mark(): void {
    for (const [name, tab] of this.#buttons) {
      const selected = name === this.#current;
      tab.setAttribute("aria-selected", String(selected));
      tab.tabIndex = selected ? 0 : -1;
      byId(`panel-${name}`).hidden = !selected;
    }
  }

  #onKey(event: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const names = tabNames.filter((name) => !this.#buttons.get(name)!.hidden);
    const next = names[(names.indexOf(this.#current) + step + names.length) % names.length]!;
    this.show(next);
    this.#buttons.get(next)!.focus();
  }
}
