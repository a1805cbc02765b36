import type { Houseline, Room } from "../client/index.ts";
import { button, byId, element, iconButton, portrait, redraw } from "./element.ts";
import { attempt } from "./notices.ts";
import { words } from "./words.ts";

/** Rooms of the company with who is in them, and the way to a parked call by its space. */
export class RoomsView {
  readonly #phone: Houseline;
  readonly #list = element("ul", { "class": "rows" });
  readonly #empty = element("p", { "class": "quiet hint" }, words.noRooms);
  readonly #join: (address: string) => void;

  constructor(phone: Houseline, join: (address: string) => void) {
    this.#phone = phone;
    this.#join = join;
    const space = element("input", { "type": "text", "inputmode": "numeric", "pattern": "[0-9]{1,4}", "required": true, "maxlength": 4, "aria-label": words.parkingSpace, "placeholder": words.parkingSpace, "autocomplete": "off" });
    const pickUp = (event: Event) => {
      event.preventDefault();
      const wanted = Number(space.value);
      space.value = "";
      attempt(() => phone.pickUp({ space: wanted }));
    };
    byId("panel-rooms").append(this.#list, this.#empty,
      element("h2", { "class": "part" }, words.parking), element("form", { "class": "dial", "submit": pickUp }, space, element("button", { type: "submit", class: "primary" }, words.pickUp)));
    phone.rooms.on("changed", () => this.show());
    this.show();
  }

  show(): void {
    const { list } = this.#phone.rooms;
    this.#empty.hidden = list.length > 0;
    redraw(this.#list, ...list.map((room) => this.#row(room)));
  }

  #row(room: Room): HTMLLIElement {
    const me = this.#phone.me?.user ?? "";
    const moderates = room.moderators.includes(me) || room.members.some(({ user, moderator }) => user === me && moderator) || this.#phone.directory.may("rooms.moderate");
    const inside = room.members.some(({ user }) => user === me);
    const moderate = (command: Parameters<Houseline["rooms"]["moderate"]>[1]) => () => attempt(() => this.#phone.rooms.moderate(room.name, command));
    return element("li", { "class": "room", "data-room": room.name },
      element("div", { "class": "row" }, portrait(room.title),
        element("span", { "class": "who" }, element("b", {}, room.title), element("span", {}, [room.number, room.locked ? words.locked : undefined, room.members.length === 0 ? words.empty : room.members.map(({ name }) => name).join(", ")].filter(Boolean).join(" · "))),
        ...(inside ? [] : [button(words.join, () => this.#join(`room-${room.name}`), { attributes: { "aria-label": words.joinRoom(room.title) } })])),
      ...(moderates && room.members.length > 0 ? [element("div", { "class": "moderation" },
        element("ul", { "class": "members" }, ...room.members.filter(({ user }) => user !== me).map(({ user, name, muted }) => element("li", {}, element("span", {}, name),
          iconButton(muted ? "microphone" : "mute", `${muted ? words.unmute : words.mute}: ${name}`, moderate({ action: muted ? "unmute" : "mute", user })),
          iconButton("close", words.removeSomebody(name), moderate({ action: "kick", user }))))),
        element("div", { "class": "actions" }, button(words.muteAll, moderate({ action: "mute-all" }), { icon: "mute" }),
          button(room.locked ? words.unlock : words.lock, moderate({ action: room.locked ? "unlock" : "lock" }), { icon: "lock" })))] : []));
  }
}
