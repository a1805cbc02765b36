import type { Person } from "../client/index.ts";
import { element, iconButton, portrait } from "./element.ts";
import type { IconName } from "./icons.ts";
import { fits } from "./say.ts";
import { words } from "./words.ts";

export interface PickAction {
  word: string;
  icon: IconName;
  run(address: string): void;
}

const most = 6;
const rank: Person["presence"][] = ["available", "away", "ringing", "in-call", "do-not-disturb", "offline"];

/** Chooses somebody for a call in progress: type, then one of the actions. A number that is in no list can be typed, too. */
export class PersonPicker {
  readonly element: HTMLElement;
  readonly #rows = element("ul", { "class": "rows" });
  readonly #input: HTMLInputElement;
  readonly #people: () => Person[];
  readonly #actions: readonly PickAction[];

  constructor(title: string, people: () => Person[], actions: readonly PickAction[], close: () => void) {
    this.#people = people;
    this.#actions = actions;
    this.#input = element("input", { "type": "search", "aria-label": title, "placeholder": title, "autocomplete": "off", "spellcheck": "false", "maxlength": 44, "input": () => this.show() });
    this.element = element("div", { "class": "picker", "role": "group", "aria-label": title },
      element("form", { "class": "dial", submit: (event) => this.#submit(event) }, this.#input, iconButton("close", words.cancel, close)), this.#rows);
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      close();
    });
    this.show();
  }

  focus(): void {
    this.#input.focus();
  }

  show(): void {
    const typed = this.#input.value.trim().toLowerCase();
    const found = this.#people().filter((person) => fits(typed, person)).sort((one, other) => rank.indexOf(one.presence) - rank.indexOf(other.presence)).slice(0, most);
    const rows = found.map((person) => this.#row(person.user, person.name, `${person.extension} · ${words.presence[person.presence]}`, person.presence));
    if (found.length === 0 && /^(\*?[0-9]{2,6}|room-[a-z0-9-]+)$/.test(typed)) rows.push(this.#row(typed, typed, "", ""));
    if (rows.length === 0) rows.push(element("li", { "class": "quiet hint" }, words.nobody));
    this.#rows.replaceChildren(...rows);
  }

  #submit(event: Event): void {
    event.preventDefault();
    this.#rows.querySelector<HTMLButtonElement>("button")?.click();
  }

  #row(address: string, name: string, below: string, presence: string): HTMLLIElement {
    return element("li", { "class": "row", "data-presence": presence }, portrait(name), element("span", { "class": "who" }, element("b", {}, name), element("span", {}, below)),
      ...this.#actions.map(({ word, icon, run }) => iconButton(icon, `${word}: ${name}`, () => run(address))));
  }
}
