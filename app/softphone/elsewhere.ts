import type { Call, Houseline } from "../client/index.ts";
import { button, byId, element, portrait, redraw } from "./element.ts";
import { attempt } from "./notices.ts";
import { words } from "./words.ts";

/** Calls of this person's without a leg here: at another device, each with a button that brings it here, or parked. */
export function showElsewhere(phone: Houseline): void {
  const me = phone.me?.user;
  const place = byId("elsewhere");
  const away = phone.callsElsewhere.map((call) => {
    const device = call.participants?.find(({ user }) => user === me)?.device;
    return row(call, me, words.atDevice((device && phone.devices.nameOf(device)) ?? words.anotherDevice), button(words.moveHere, () => attempt(() => phone.moveHere(call.id)), { icon: "move", class: "primary" }));
  });
  const parked = phone.parkedCalls.map((call) => row(call, me, words.parkedIn(call.space!), button(words.pickUp, () => attempt(() => phone.pickUp({ space: call.space! })), { icon: "call", class: "primary" })));
  place.hidden = away.length + parked.length === 0;
  redraw(place, ...(away.length > 0 ? [element("h2", {}, words.elsewhereTitle), element("ul", { "class": "rows" }, ...away)] : []),
    ...(parked.length > 0 ? [element("h2", {}, words.parking), element("ul", { "class": "rows" }, ...parked)] : []));
}

function row(call: Call, me: string | undefined, where: string, action: HTMLElement): HTMLLIElement {
  const parked = call.state === "parked" ? call.participants?.find(({ user }) => user !== me) : undefined;
  const peer = parked ?? (call.caller.user === me ? call.callee : call.caller);
  return element("li", { "class": "row", "data-elsewhere": call.id }, portrait(peer.name), element("span", { "class": "who" }, element("b", {}, peer.name), element("span", {}, where)), action);
}
