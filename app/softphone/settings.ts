import type { AudioDevice, Houseline } from "../client/index.ts";
import { button, byId, element, iconButton } from "./element.ts";
import { attempt, toast } from "./notices.ts";
import { language, rememberLanguage, words } from "./words.ts";

/** Sound devices, the person's devices, preferences and password, in a dialog. */
export class Settings {
  readonly #phone: Houseline;
  readonly #dialog = byId<HTMLDialogElement>("settings");

  constructor(phone: Houseline) {
    this.#phone = phone;
    phone.audio.on("changed", () => void this.#refresh());
    phone.devices.on("changed", () => void this.#refresh());
    this.#dialog.addEventListener("click", (event) => { if (event.target === this.#dialog) this.#dialog.close(); });
  }

  async open(): Promise<void> {
    this.#phone.devices.refresh().catch(() => {});
    await this.#draw();
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  close(): void {
    if (this.#dialog.open) this.#dialog.close();
  }

  async #refresh(): Promise<void> {
    // What somebody types must not be lost to a device that comes.
    const typing = document.activeElement instanceof HTMLInputElement && document.activeElement.type === "password";
    if (this.#dialog.open && !typing) await this.#draw();
  }

  async #draw(): Promise<void> {
    const { audio, directory } = this.#phone;
    const { microphones, speakers } = await audio.list();
    const profile = directory.profile;
    this.#dialog.replaceChildren(
      element("header", { "class": "thread-bar" }, element("h2", { id: "settings-title" }, words.settings), iconButton("close", words.close, () => this.#dialog.close())),
      element("section", {}, element("h3", {}, words.sound),
        this.#device(words.microphone, microphones, audio.microphone, (id) => attempt(() => audio.chooseMicrophone(id))),
        ...(audio.canChooseSpeaker ? [
          this.#device(words.speaker, speakers, audio.speaker, (id) => audio.chooseSpeaker(id)),
          this.#device(words.ringDevice, speakers, audio.ring, (id) => audio.chooseRing(id)),
        ] : [])),
      this.#devices(),
      element("section", {}, element("h3", {}, words.pageLanguage),
        element("label", {}, element("span", {}, words.pageLanguage), this.#languages(language, (chosen) => { rememberLanguage(chosen); location.reload(); })),
        ...(profile ? [
          element("label", {}, element("span", {}, words.prompts), this.#languages(profile.language, (chosen) => attempt(() => directory.setPreferences({ language: chosen })))),
          element("label", { "class": "check" }, element("input", { type: "checkbox", checked: profile.voicemail, change: (event) => attempt(() => directory.setPreferences({ voicemail: (event.target as HTMLInputElement).checked })) }), element("span", {}, words.voicemail)),
        ] : [])),
      this.#password());
  }

  #device(label: string, devices: AudioDevice[], chosen: string, choose: (id: string) => void): HTMLElement {
    const select = element("select", { change: (event) => choose((event.target as HTMLSelectElement).value) }, element("option", { value: "" }, words.systemDevice),
      ...devices.map(({ id, name }) => element("option", { value: id, selected: id === chosen }, /^\d+$/.test(name) ? words.unnamedDevice(label, name) : name)));
    return element("label", {}, element("span", {}, label), select);
  }

  #languages(chosen: "en" | "ru", choose: (language: "en" | "ru") => void): HTMLSelectElement {
    const names = { en: "English", ru: "Русский" } as const;
    return element("select", { change: (event) => choose((event.target as HTMLSelectElement).value as "en" | "ru") },
      ...(["en", "ru"] as const).map((tag) => element("option", { value: tag, lang: tag, selected: tag === chosen }, names[tag])));
  }

  #devices(): HTMLElement {
    const { devices } = this.#phone;
    return element("section", { hidden: devices.list.length === 0 }, element("h3", {}, words.devices), element("ul", { "class": "rows", "id": "devices" },
      ...devices.list.map(({ id, name, connected }) => element("li", { "class": "row" },
        element("span", { "class": "who" }, element("b", {}, name), element("span", {}, id === devices.own ? words.thisDevice : connected ? "" : words.notConnected)),
        ...(id === devices.own ? [] : [button(words.signOutDevice, () => attempt(() => devices.signOut(id)), { attributes: { "aria-label": `${words.signOutDevice}: ${name}` } })])))));
  }

  #password(): HTMLElement {
    const field = (label: string, name: string, autocomplete: string, minlength: number) =>
      element("label", {}, element("span", {}, label), element("input", { type: "password", name, autocomplete, minlength, maxlength: 200, required: true }));
    const change = (event: Event) => {
      event.preventDefault();
      const form = event.target as HTMLFormElement;
      const given = new FormData(form);
      attempt(async () => {
        await this.#phone.directory.changePassword(String(given.get("current")), String(given.get("next")));
        form.reset();
        toast(words.passwordChanged);
      });
    };
    return element("section", {}, element("h3", {}, words.passwordTitle), element("form", { "class": "password", "submit": change },
      field(words.currentPassword, "current", "current-password", 1), field(words.newPassword, "next", "new-password", 8), element("button", { type: "submit" }, words.changePassword)));
  }
}
