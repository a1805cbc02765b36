import { address, callId, digits, extension, parkingSpace, roomName, userName } from "../../protocol/wire.ts";

/**
 * What may stand in an ESL command. A value of one of these types has been checked against a pattern without spaces, quotes, commas,
 * braces, `$` and line breaks: nothing in it means anything to the switch. Only the functions below make them.
 */
declare const checked: unique symbol;
type Checked<Kind extends string> = string & { readonly [checked]: Kind };

export type Uuid = Checked<"uuid">;
export type UserWord = Checked<"user">;
/** A session's own account: `anna~k3f9`. */
export type AccountWord = Checked<"account">;
export type ExtensionWord = Checked<"extension">;
/** Something that the dialplan knows: a user name, an extension, `room-blue`, `*97`. */
export type DestinationWord = Checked<"destination">;
export type DomainWord = Checked<"domain">;
/** The inside of a registered contact, a SIP URI with parameters, which the device chose. */
export type ContactWord = Checked<"contact">;
export type DigitsWord = Checked<"digits">;
export type RoomWord = Checked<"room">;
export type SpaceWord = Checked<"space">;
export type MemberWord = Checked<"member">;
/** What a device shows: letters, digits, spaces and a few signs; the one word that may hold spaces, so it is always quoted. */
export type ShownWord = Checked<"shown">;

/** A value that may not stand in an ESL command; its message names the kind and never the value. */
export class BadWord extends Error {
  override name = "BadWord";
}

function word<Kind extends string>(kind: Kind, fits: (text: string) => boolean): (text: string) => Checked<Kind> {
  return (text) => {
    if (typeof text !== "string" || !fits(text)) throw new BadWord(`This is not a ${kind} that may stand in a command to the switch.`);
    return text as Checked<Kind>;
  };
}

export const uuid = word("uuid", (text) => callId.safeParse(text).success);
export const user = word("user", (text) => userName.safeParse(text).success);
export const account = word("account", (text) => /^[a-z][a-z0-9._-]{0,31}~[A-Za-z0-9]{1,40}$/.test(text));
export const number = word("extension", (text) => extension.safeParse(text).success);
export const destination = word("destination", (text) => address.safeParse(text).success);
export const domain = word("domain", (text) => /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i.test(text));
export const tones = word("digits", (text) => digits.safeParse(text).success);
export const room = word("room", (text) => roomName.safeParse(text).success);
export const contact = word("contact", (text) => text.length <= 700 && /^sip:[A-Za-z0-9_.-]{1,64}@[A-Za-z0-9.-]{1,255}(:[0-9]{1,5})?(;[a-z_]{1,24}(=[A-Za-z0-9.:%_-]{1,256})?){0,12}$/.test(text));

const spaceText = word("space", (text) => /^[1-9][0-9]{0,3}$/.test(text));
export const space = (value: number): SpaceWord => spaceText(parkingSpace.safeParse(value).success ? String(value) : "");

const memberText = word("member", (text) => /^[0-9]{1,9}$/.test(text));
export const member = (value: number): MemberWord => memberText(String(value));

/** A name for a display: whatever means something to the switch is left out. */
export function shown(text: string): ShownWord {
  return (text.normalize("NFC").replace(/[^\p{L}\p{N} ._-]/gu, "").replace(/ +/g, " ").trim().slice(0, 60) || "unknown") as ShownWord;
}

/** The URI in a Contact header, `"" <sip:…>`, when it may stand in a command. */
export function contactOf(header: string): ContactWord | undefined {
  const text = /<([^<>]*)>/.exec(header)?.[1] ?? header;
  try {
    return contact(text);
  } catch {
    return undefined;
  }
}
