import type { PhoneCall } from "../client/index.ts";
import { element } from "./element.ts";
import { clock, initials, stateWord } from "./words.ts";

const digits = "123456789*0#";

/** One call: who, in which state, for how long, and what can be done about it. */
export class CallPanel {
  readonly element: HTMLElement;
  readonly #call: PhoneCall;
  readonly #name = element("h3");
  readonly #state = element("p", { "class": "state" });
  readonly #timer = element("p", { "class": "timer", "role": "timer", "aria-live": "off" });
  readonly #actions = element("div", { "class": "actions" });
  readonly #pad: HTMLElement;
  #shown = "";

  constructor(call: PhoneCall) {
    this.#call = call;
    this.#pad = element("div", { "class": "pad", "role": "group", "aria-label": "Keypad" },
      ...[...digits].map((digit) => element("button", { type: "button", click: () => call.dtmf(digit) }, digit)));
    this.#pad.hidden = true;
    this.element = element("article", { "class": "card call", "data-direction": call.direction },
      element("span", { "class": "portrait", "aria-hidden": "true" }, initials(call.peer.name)), this.#name, this.#state, this.#timer, this.#actions, this.#pad);
    this.update();
  }

  update(): void {
    const { state, direction, peer, callId, muted, answering, heldBy } = this.#call;
    this.element.dataset.callState = state;
    if (callId) this.element.dataset.callId = callId;
    this.element.setAttribute("aria-label", `Call with ${peer.name}`);
    if (direction === "incoming" && state === "ringing") {
      this.element.setAttribute("role", "alertdialog");
      this.element.setAttribute("aria-label", `${peer.name} is calling`);
    } else this.element.removeAttribute("role");
    this.#name.textContent = peer.name;
    this.#state.textContent = this.#call.unstable ? "The connection is interrupted …" : answering ? "Connecting …" : stateWord(state, direction, heldBy);
    this.tick();
    // Buttons are made anew only when there are others: a click must not lose its target.
    const shape = [state, answering, muted, heldBy, this.#pad.hidden].join();
    if (shape !== this.#shown) this.#draw();
    this.#shown = shape;
  }

  tick(): void {
    const { answeredAt, state } = this.#call;
    this.#timer.textContent = answeredAt === undefined || state === "ended" ? "" : clock(Date.now() - answeredAt);
  }

  togglePad(): void {
    this.#pad.hidden = !this.#pad.hidden;
    this.update();
  }

  #draw(): void {
    const call = this.#call;
    const focused = document.activeElement instanceof HTMLElement && this.#actions.contains(document.activeElement) ? document.activeElement.dataset.action : undefined;
    const button = (action: string, label: string, run: () => void, options: { class?: string; pressed?: boolean; disabled?: boolean } = {}) =>
      element("button", { "type": "button", "data-action": action, "class": options.class, "disabled": options.disabled, "aria-pressed": options.pressed === undefined ? undefined : String(options.pressed), "click": run }, label);
    if (call.direction === "incoming" && call.state === "ringing") {
      this.#actions.replaceChildren(
        button("answer", "Answer", () => call.answer(), { class: "primary", disabled: call.answering }),
        button("decline", "Decline", () => call.decline(), { class: "danger" }));
    } else if (call.state === "answered" || call.state === "held") {
      const held = call.heldBy === "me" || call.heldBy === "both";
      this.#actions.replaceChildren(
        button("mute", call.muted ? "Unmute" : "Mute", () => call.mute(), { pressed: call.muted }),
        button("hold", held ? "Resume" : "Hold", () => void call.hold(), { pressed: held }),
        button("keypad", "Keypad", () => this.togglePad(), { pressed: !this.#pad.hidden }),
        button("hangup", "Hang up", () => call.hangup(), { class: "danger" }));
    } else this.#actions.replaceChildren(button("hangup", "Hang up", () => call.hangup(), { class: "danger" }));
    if (focused) this.#actions.querySelector<HTMLElement>(`[data-action="${focused}"]`)?.focus();
  }
}
