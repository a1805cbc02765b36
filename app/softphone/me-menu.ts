import type { Availability, Houseline } from "../client/index.ts";
import { button, byId, element, portrait } from "./element.ts";
import { attempt } from "./notices.ts";
import { words } from "./words.ts";

const availabilities: readonly Availability[] = ["available", "away", "do-not-disturb"];

/** The person's own name and presence, and the menu under it: status, text, settings, signing out. */
export class MeMenu {
  readonly #phone: Houseline;
  readonly #me = byId<HTMLButtonElement>("me");
  readonly #menu = byId("me-menu");
  readonly #text = element("input", { "type": "text", "maxlength": 140, "aria-label": words.statusText, "placeholder": words.statusText, "autocomplete": "off" });
  readonly #choices = new Map<Availability, HTMLInputElement>();
  /** Chosen here, and not yet confirmed by the server: what else is told meanwhile must not take the mark back. */
  #chosen?: Availability;

  constructor(phone: Houseline, actions: { settings(): void; signOut(): void }) {
    this.#phone = phone;
    this.#me.addEventListener("click", () => this.toggle());
    const choices = availabilities.map((availability) => {
      const radio = element("input", { type: "radio", name: "availability", value: availability, change: () => attempt(() => this.#choose(availability)) });
      this.#choices.set(availability, radio);
      return element("label", { "class": "choice", "data-presence": availability }, radio, element("span", { "class": "dot" }), element("span", {}, words.presence[availability]));
    });
    const saveText = (event: Event) => {
      event.preventDefault();
      attempt(() => phone.directory.setStatus({ text: this.#text.value.trim() }));
      this.toggle(false);
    };
    this.#menu.append(element("fieldset", {}, element("legend", { "class": "hidden" }, words.presence.available), ...choices),
      element("form", { "class": "dial", "submit": saveText }, this.#text, element("button", { type: "submit" }, words.save)),
      element("div", { "class": "actions" },
        button(words.settings, () => { this.toggle(false); actions.settings(); }, { icon: "settings", attributes: { id: "open-settings" } }),
        button(words.signOut, () => { this.toggle(false); actions.signOut(); }, { attributes: { id: "sign-out" } })));
    this.#menu.addEventListener("keydown", (event) => { if (event.key === "Escape") this.toggle(false); });
    document.addEventListener("pointerdown", (event) => {
      if (!this.#menu.hidden && event.target instanceof Node && !this.#menu.contains(event.target) && !this.#me.contains(event.target)) this.toggle(false, false);
    });
  }

  toggle(open = this.#menu.hidden, focus = true): void {
    this.#menu.hidden = !open;
    this.#me.setAttribute("aria-expanded", String(open));
    if (open) this.#choices.get(this.#phone.directory.availability)?.focus();
    else if (focus) this.#me.focus();
  }

  async #choose(availability: Availability): Promise<void> {
    this.#chosen = availability;
    try {
      await this.#phone.directory.setStatus({ availability });
    } finally {
      if (this.#chosen === availability) this.#chosen = undefined;
      this.show();
    }
  }

  show(): void {
    const { me, directory } = this.#phone;
    if (!me) return;
    const presence = words.presence[me.presence];
    this.#me.dataset.presence = me.presence;
    this.#me.setAttribute("aria-label", words.myStatus(me.name, presence));
    this.#me.replaceChildren(portrait(me.name), element("span", { "class": "who" }, element("b", {}, me.name), element("span", {}, `${me.extension} · ${me.text || presence}`)));
    const choice = this.#choices.get(this.#chosen ?? directory.availability);
    if (choice) choice.checked = true;
    if (document.activeElement !== this.#text) this.#text.value = directory.profile?.text ?? me.text ?? "";
  }
}
