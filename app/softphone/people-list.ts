import type { Houseline, Person } from "../client/index.ts";
import { byId, element, iconButton, portrait } from "./element.ts";
import { attempt } from "./notices.ts";
import { fits } from "./say.ts";
import { words } from "./words.ts";

interface PeopleActions {
  call(user: string): void;
  write(user: string): void;
}

/** A row with what it shows. */
interface Row { element: HTMLLIElement; person: Person; favourite: boolean }

/**
 * Everybody, favourites first, filtered by what is typed. Rows are kept and changed in place, so that focus and screen readers stay; those of
 * whom nothing changed are not touched: in a company of hundreds somebody's presence changes several times a second.
 */
export class PeopleList {
  readonly #list = byId("people");
  readonly #nobody = byId("nobody");
  readonly #rows = new Map<string, Row>();
  readonly #phone: Houseline;
  readonly #actions: PeopleActions;
  #people: Person[] = [];
  #typed = "";

  constructor(phone: Houseline, actions: PeopleActions) {
    this.#phone = phone;
    this.#actions = actions;
  }

  show(people: Person[]): void {
    this.#people = people;
    const known = new Set(people.map(({ user }) => user));
    for (const [user, row] of this.#rows) {
      if (known.has(user)) continue;
      row.element.remove();
      this.#rows.delete(user);
    }
    people.forEach((person, index) => {
      const { element } = this.#row(person);
      if (this.#list.children[index] !== element) this.#list.insertBefore(element, this.#list.children[index] ?? null);
    });
    this.#filter();
  }

  /** Returns the people that fit. */
  filter(typed: string): Person[] {
    this.#typed = typed;
    return this.#filter();
  }

  #filter(): Person[] {
    const shown = this.#people.filter((person) => {
      const isShown = fits(this.#typed, person);
      const { element } = this.#rows.get(person.user)!;
      if (element.hidden === isShown) element.hidden = !isShown;
      return isShown;
    });
    this.#nobody.hidden = shown.length > 0 || this.#people.length === 0;
    return shown;
  }

  #row(person: Person): Row {
    const favourite = this.#phone.directory.isFavourite(person.user);
    const known = this.#rows.get(person.user);
    if (known && known.person === person && known.favourite === favourite) return known;
    const row = { element: known?.element ?? this.#make(person), person, favourite };
    this.#rows.set(person.user, row);
    fill(row);
    return row;
  }

  #make({ user, name }: Person): HTMLLIElement {
    const { directory } = this.#phone;
    return element("li", { "class": "row person", "data-person": user },
      portrait(name),
      element("span", { "class": "who" }, element("b"), element("span")),
      iconButton("star", words.addFavourite(name), () => attempt(() => directory.setFavourite(user, !directory.isFavourite(user))), { "class": "icon-button star", "data-action": "favourite" }),
      iconButton("message", words.writeTo(name), () => this.#actions.write(user), { "data-action": "write" }),
      iconButton("call", words.callSomebody(name), () => this.#actions.call(user), { "class": "icon-button go", "data-action": "call" }));
  }
}

function fill({ element: row, person, favourite }: Row): void {
  row.dataset.presence = person.presence;
  row.classList.toggle("favourite", favourite);
  row.querySelector(".who b")!.textContent = person.name;
  row.querySelector(".who span")!.textContent = [person.extension, person.text || words.presence[person.presence]].join(" · ");
  row.querySelector(".who")!.setAttribute("title", words.presence[person.presence]);
  const star = row.querySelector('[data-action="favourite"]')!;
  const label = favourite ? words.removeFavourite(person.name) : words.addFavourite(person.name);
  star.setAttribute("aria-pressed", String(favourite));
  star.setAttribute("aria-label", label);
  star.setAttribute("title", label);
}
