import type { Houseline, PhoneCall } from "../client/index.ts";
import { button, element, iconButton } from "./element.ts";
import type { IconName } from "./icons.ts";
import { announce, attempt, toast } from "./notices.ts";
import { PersonPicker } from "./person-picker.ts";
import { clock, initials, nameOf, stateOf } from "./say.ts";
import { words } from "./words.ts";

const digits = "123456789*0#";

interface Action {
  action: string;
  label: string;
  run(): void;
  icon?: IconName;
  class?: string;
  pressed?: boolean;
  disabled?: boolean;
}

/** One call: who, in which state, for how long, and what can be done about it. */
export class CallPanel {
  readonly element: HTMLElement;
  readonly #phone: Houseline;
  readonly #call: PhoneCall;
  readonly #portrait = element("span", { "class": "portrait", "aria-hidden": "true" });
  readonly #name = element("h3");
  readonly #state = element("p", { "class": "state" });
  readonly #timer = element("p", { "class": "timer", "role": "timer", "aria-live": "off" });
  readonly #consultation = element("div", { "class": "consultation" });
  readonly #members = element("ul", { "class": "members" });
  readonly #actions = element("div", { "class": "actions" });
  readonly #more = element("div", { "class": "actions more" });
  readonly #pad: HTMLElement;
  readonly #place = element("div");
  #picker: PersonPicker | undefined;
  #shown = "";

  constructor(phone: Houseline, call: PhoneCall) {
    this.#phone = phone;
    this.#call = call;
    this.#pad = element("div", { "class": "pad", "role": "group", "aria-label": words.keypad },
      ...[...digits].map((digit) => element("button", { type: "button", click: () => this.press(digit) }, digit)));
    this.#pad.hidden = true;
    this.element = element("article", { "class": "card call", "data-direction": call.direction },
      element("header", {}, this.#portrait, element("div", {}, this.#name, this.#state), this.#timer),
      this.#consultation, this.#members, this.#actions, this.#more, this.#pad, this.#place);
    this.update();
  }

  get padIsOpen(): boolean {
    return !this.#pad.hidden;
  }

  update(): void {
    const call = this.#call;
    const { state, direction, callId, muted, answering, heldBy, consultation, others, role } = call;
    const name = nameOf(call);
    this.element.dataset.callState = state;
    if (callId) this.element.dataset.callId = callId;
    const rings = direction === "incoming" && state === "ringing";
    this.element.setAttribute("aria-label", rings ? words.isCalling(name) : words.callWith(name));
    if (rings) this.element.setAttribute("role", "alertdialog");
    else this.element.removeAttribute("role");
    this.#portrait.textContent = others.length > 1 ? String(others.length + 1) : initials(name);
    this.#name.textContent = name;
    this.#state.textContent = stateOf(call);
    this.tick();
    // Buttons are made anew only when there are others: a click must not lose its target.
    const devices = this.#phone.devices.others.map(({ id }) => id).join();
    const shape = JSON.stringify([state, answering, muted, heldBy, consultation, role, callId, call.room, others, this.#pad.hidden, devices, this.#phone.switchKind]);
    if (shape !== this.#shown) this.#draw();
    this.#shown = shape;
    this.#picker?.show();
  }

  tick(): void {
    const { answeredAt, state } = this.#call;
    this.#timer.textContent = answeredAt === undefined || state === "ended" || state === "ringing" ? "" : clock(Date.now() - answeredAt);
  }

  togglePad(): void {
    this.#pad.hidden = !this.#pad.hidden;
    this.update();
  }

  press(digit: string): void {
    this.#phone.sounds.key(digit);
    this.#call.dtmf(digit);
  }

  /** Chooses whom to transfer to: at once, or after asking them. */
  openTransfer(): void {
    const close = () => this.#closePicker();
    const done = (run: () => Promise<unknown>) => { close(); attempt(run); };
    this.#open(new PersonPicker(words.chooseTransfer, () => this.#phone.people, [
      { word: words.transferNow, icon: "transfer", run: (to) => done(async () => { await this.#call.transfer(to); announce(words.transferred); }) },
      { word: words.askFirst, icon: "call", run: (to) => done(() => this.#call.consult(to)) },
    ], close));
  }

  openAdd(): void {
    const close = () => this.#closePicker();
    this.#open(new PersonPicker(words.chooseAdd, () => this.#phone.people, [{ word: words.add, icon: "add", run: (to) => { close(); attempt(() => this.#call.add(to)); } }], close));
  }

  #open(picker: PersonPicker): void {
    this.#picker = picker;
    this.#place.replaceChildren(picker.element);
    picker.focus();
  }

  #closePicker(): void {
    this.#picker = undefined;
    this.#place.replaceChildren();
    this.#actions.querySelector<HTMLElement>("button")?.focus();
  }

  #park(): void {
    const name = nameOf(this.#call);
    attempt(async () => {
      const space = await this.#call.park();
      toast(words.parkedAnnouncement(name, space));
    });
  }

  #draw(): void {
    const focused = document.activeElement instanceof HTMLElement && this.element.contains(document.activeElement) ? document.activeElement.dataset.action : undefined;
    this.#fill(this.#actions, this.#mainActions());
    this.#fill(this.#more, this.#moreActions());
    this.#drawConsultation();
    this.#drawMembers();
    if (this.#call.state !== "answered" && this.#call.state !== "held" && this.#picker) this.#closePicker();
    if (focused) this.element.querySelector<HTMLElement>(`[data-action="${focused}"]`)?.focus();
  }

  #fill(place: HTMLElement, actions: Action[]): void {
    place.hidden = actions.length === 0;
    place.replaceChildren(...actions.map(({ action, label, run, icon, class: kind, pressed, disabled }) => button(label, run, {
      ...(icon ? { icon } : {}), ...(kind ? { class: kind } : {}), attributes: { "data-action": action, disabled, "aria-pressed": pressed === undefined ? undefined : String(pressed) },
    })));
  }

  #mainActions(): Action[] {
    const call = this.#call;
    if (call.direction === "incoming" && call.state === "ringing") {
      return [
        { action: "answer", label: words.answer, icon: "call", class: "primary", disabled: call.answering, run: () => call.answer() },
        { action: "decline", label: words.decline, icon: "hangUp", class: "danger", run: () => call.decline() },
        { action: "busy", label: words.busy, run: () => call.decline("busy") },
      ];
    }
    const hangUp: Action = { action: "hangup", label: words.hangUp, icon: "hangUp", class: "danger", run: () => call.hangup() };
    if (call.state !== "answered" && call.state !== "held") return [hangUp];
    const mute: Action = { action: "mute", label: call.muted ? words.unmute : words.mute, icon: call.muted ? "microphone" : "mute", pressed: call.muted, run: () => call.mute() };
    if (isSupervising(call)) return [mute, ...this.#supervision(), { ...hangUp, label: words.leave }];
    const held = call.heldBy === "me" || call.heldBy === "both";
    const keypad: Action = { action: "keypad", label: words.keypad, icon: "keypad", pressed: !this.#pad.hidden, run: () => this.togglePad() };
    // A conference goes on without whoever is away from it.
    if (call.room !== undefined) return [mute, keypad, { ...hangUp, label: words.leave }];
    return [
      mute,
      { action: "hold", label: held ? words.resume : words.hold, icon: held ? "resume" : "hold", pressed: held, run: () => void call.hold() },
      keypad,
      { action: "transfer", label: words.transfer, icon: "transfer", run: () => this.openTransfer() },
      hangUp,
    ];
  }

  /** What is needed seldom; the lab switch has none of it. */
  #moreActions(): Action[] {
    const call = this.#call;
    if ((call.state !== "answered" && call.state !== "held") || isSupervising(call) || this.#phone.switchKind === "lab-switch" || call.callId === undefined) return [];
    return [
      { action: "add", label: words.addPerson, icon: "add", run: () => this.openAdd() },
      ...(call.room === undefined ? [{ action: "park", label: words.park, icon: "park", run: () => this.#park() } satisfies Action] : []),
      ...this.#phone.devices.others.map(({ id, name }): Action => ({ action: `move-${id}`, label: words.moveToDevice(name), icon: "move", run: () => attempt(() => call.moveTo(id)) })),
    ];
  }

  #supervision(): Action[] {
    const call = this.#call;
    const id = call.callId;
    if (id === undefined) return [];
    const modes = [["listen", "listening", words.listen], ["whisper", "whispering", words.whisper], ["barge", "barged-in", words.barge]] as const;
    return modes.filter(([mode]) => this.#phone.directory.may(`supervise.${mode}`))
      .map(([mode, role, label]): Action => ({ action: mode, label, pressed: call.role === role, run: () => attempt(() => this.#phone.supervisor.supervise(id, mode)) }));
  }

  #drawConsultation(): void {
    const call = this.#call;
    const asked = call.consultation !== undefined && call.state !== "ended";
    this.#consultation.hidden = !asked;
    if (!asked) return this.#consultation.replaceChildren();
    const run = (name: "completeTransfer" | "swap" | "conference" | "cancelTransfer") => () => attempt(() => call[name]());
    this.#consultation.replaceChildren(element("p", {}, words.consulting(nameOf(call))), element("div", { "class": "actions" },
      button(words.completeTransfer, run("completeTransfer"), { icon: "transfer", class: "primary", attributes: { "data-action": "complete" } }),
      button(words.swap, run("swap"), { attributes: { "data-action": "swap" } }),
      button(words.conference, run("conference"), { icon: "people", attributes: { "data-action": "conference" } }),
      button(words.cancelTransfer, run("cancelTransfer"), { icon: "back", attributes: { "data-action": "cancel-transfer" } })));
  }

  #drawMembers(): void {
    const call = this.#call;
    const several = call.others.length > 1 && call.state !== "ended";
    this.#members.hidden = !several;
    const mayRemove = call.server?.caller.user === this.#phone.me?.user || call.server?.participants?.some(({ user, moderator }) => user === this.#phone.me?.user && moderator);
    this.#members.replaceChildren(...(several ? call.others : []).map(({ user, name, muted, state }) => element("li", { "data-member": user },
      element("span", {}, name), element("span", { "class": "quiet" }, state === "ringing" ? words.stateRinging : muted ? words.muted : ""),
      ...(mayRemove && call.room !== undefined ? [iconButton("close", words.removeSomebody(name), () => attempt(() => call.remove(user)))] : []))));
  }
}

function isSupervising({ role }: PhoneCall): boolean {
  return role === "listening" || role === "whispering" || role === "barged-in";
}
