import { icon } from "./icons.ts";
import type { IconName } from "./icons.ts";
import { initials } from "./say.ts";

type Attributes = Record<string, string | number | boolean | ((event: Event) => void) | undefined>;

/** Makes an element. Text goes in as text: nothing that came over the network is ever read as HTML. */
export function element<Tag extends keyof HTMLElementTagNameMap>(tag: Tag, attributes: Attributes = {}, ...children: (Node | string)[]): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(name, value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children);
  return made;
}

/** A button with a word and, before it, a drawing. */
export function button(label: string, click: () => void, options: { icon?: IconName; class?: string; attributes?: Attributes } = {}): HTMLButtonElement {
  return element("button", { type: "button", class: options.class, click, ...options.attributes }, ...(options.icon ? [icon(options.icon)] : []), element("span", {}, label));
}

/** A button that is a drawing alone, with its name for those who don't see it. */
export function iconButton(name: IconName, label: string, click: () => void, attributes: Attributes = {}): HTMLButtonElement {
  return element("button", { "type": "button", "class": "icon-button", "aria-label": label, "title": label, click, ...attributes }, icon(name));
}

/** The round portrait with somebody's initials; presence is drawn by its parent's `data-presence`. */
export function portrait(name: string): HTMLElement {
  return element("span", { "class": "portrait", "aria-hidden": "true" }, initials(name));
}

/** An element that the page must have. */
export function byId<Type extends HTMLElement = HTMLElement>(id: string): Type {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no element "${id}".`);
  return found as Type;
}

/** Replaces the children of a list whose rows are made anew, and keeps the focus on the button that had it. */
export function redraw(place: HTMLElement, ...children: (Node | string)[]): void {
  const focused = document.activeElement instanceof HTMLElement && place.contains(document.activeElement) ? document.activeElement.dataset.focus ?? document.activeElement.getAttribute("aria-label") : undefined;
  place.replaceChildren(...children);
  if (!focused) return;
  for (const candidate of place.querySelectorAll<HTMLElement>("button, input")) if ((candidate.dataset.focus ?? candidate.getAttribute("aria-label")) === focused) return candidate.focus();
}
