import type { Person } from "../client/index.ts";
import { byId, element } from "./element.ts";
import { fits, initials, presenceWord } from "./words.ts";

/** Everybody, filtered by what is typed. Rows are kept and changed in place, so that focus and screen readers stay. */
export class PeopleList {
  readonly #list = byId("people");
  readonly #nobody = byId("nobody");
  readonly #rows = new Map<string, HTMLLIElement>();
  readonly #call: (user: string) => void;
  #people: Person[] = [];
  #typed = "";

  constructor(call: (user: string) => void) {
    this.#call = call;
  }

  show(people: Person[]): void {
    this.#people = people;
    const known = new Set(people.map(({ user }) => user));
    for (const [user, row] of this.#rows) {
      if (known.has(user)) continue;
      row.remove();
      this.#rows.delete(user);
    }
    people.forEach((person, index) => {
      const row = this.#row(person);
      if (this.#list.children[index] !== row) this.#list.insertBefore(row, this.#list.children[index] ?? null);
    });
    this.#filter();
  }

  /** Returns the people that fit. */
  filter(typed: string): Person[] {
    this.#typed = typed;
    return this.#filter();
  }

  #filter(): Person[] {
    const shown = this.#people.filter((person) => fits(this.#typed, person));
    for (const { user } of this.#people) this.#rows.get(user)!.hidden = !shown.some((person) => person.user === user);
    this.#nobody.hidden = shown.length > 0 || this.#people.length === 0;
    return shown;
  }

  #row(person: Person): HTMLLIElement {
    let row = this.#rows.get(person.user);
    if (!row) {
      row = element("li", { "class": "person", "data-person": person.user },
        element("span", { "class": "portrait", "aria-hidden": "true" }, initials(person.name)),
        element("span", { "class": "who" }, element("b"), element("span")),
        element("button", { type: "button", click: () => this.#call(person.user) }, "Call"));
      this.#rows.set(person.user, row);
    }
    row.dataset.presence = person.presence;
    row.querySelector(".who b")!.textContent = person.name;
    row.querySelector(".who span")!.textContent = `${person.extension} · ${presenceWord(person.presence)}`;
    row.querySelector("button")!.setAttribute("aria-label", `Call ${person.name}`);
    return row;
  }
}
