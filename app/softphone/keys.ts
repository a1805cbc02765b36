import type { PhoneCall } from "../client/index.ts";
import { byId, element } from "./element.ts";
import { words } from "./words.ts";

export interface KeyActions {
  /** The call that a key means: the one that rings, or the one that is heard. */
  current(): PhoneCall | undefined;
  search(): void;
  transfer(call: PhoneCall): void;
  keypad(call: PhoneCall): void;
  /** A digit, while the keypad is open; false otherwise. */
  digit(call: PhoneCall, digit: string): boolean;
}

/** Keys of the whole page; typing in a field stays typing. */
export function listenToKeys(actions: KeyActions): void {
  const keys: Record<string, (call: PhoneCall) => void> = {
    a: (call) => call.answer(), d: (call) => call.decline(), h: (call) => call.hangup(), m: (call) => call.mute(), p: (call) => void call.hold(),
    t: (call) => actions.transfer(call), k: (call) => actions.keypad(call),
  };
  document.addEventListener("keydown", (event) => {
    const { target } = event;
    const typing = target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || (target instanceof HTMLInputElement && target.type !== "checkbox");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat || document.querySelector("dialog[open]")) return;
    if (event.key === "/") {
      event.preventDefault();
      return actions.search();
    }
    const call = actions.current();
    if (!call) return;
    if (/^[0-9*#]$/.test(event.key) && actions.digit(call, event.key)) return;
    // The letters as they lie on a Latin keyboard, whatever the layout is: KeyA is А and Ф alike.
    const key = /^Key[A-Z]$/.test(event.code) ? event.code.slice(3).toLowerCase() : event.key.toLowerCase();
    if (!Object.hasOwn(keys, key)) return;
    event.preventDefault();
    keys[key]!(call);
  });
}

export function showKeys(): void {
  const shown: [string, string][] = [["/", words.keys.search], ["A", words.keys.answer], ["D", words.keys.decline], ["H", words.keys.hangUp], ["M", words.keys.mute], ["P", words.keys.hold], ["T", words.keys.transfer], ["K", words.keys.keypad]];
  byId("keys").replaceChildren(...shown.map(([key, word]) => element("span", {}, element("kbd", {}, key), ` ${word}`)));
}
