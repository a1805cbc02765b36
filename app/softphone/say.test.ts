import { expect, test } from "vitest";
import { clock, fits, initials, moment, nameOf, stateOf } from "./say.ts";
import { chooseLanguage } from "./words.ts";
import { english } from "./english.ts";
import { russian } from "./russian.ts";

test("a clock counts minutes, and hours when there are any", () => {
  expect([0, 247_000, 3_729_000].map(clock)).toEqual(["0:00", "4:07", "1:02:09"]);
});

test("the time today, the day before", () => {
  const now = new Date(2026, 10, 25, 15, 0).getTime();
  expect(moment(new Date(2026, 10, 25, 9, 5).getTime(), now, "en-GB")).toBe("09:05");
  expect(moment(new Date(2026, 10, 23, 9, 5).getTime(), now, "en-GB")).toBe("23 Nov");
  expect(moment(new Date(2024, 0, 2).getTime(), now, "en-GB")).toBe("2 Jan 2024");
});

test("somebody fits by the beginning of any part of the name, the user name or the extension", () => {
  const boris = { user: "b.weber", name: "Boris Weber", extension: "102" };
  for (const typed of ["", "bor", "WEB", "102", "b.w", "boris w"]) expect(fits(typed, boris)).toBe(true);
  for (const typed of ["oris", "02", "boris x"]) expect(fits(typed, boris)).toBe(false);
});

test("initials are of the first and the last name, in any script", () => {
  expect(["Anna Petrova", "Борис", "  ", "Elena Maria Rossi"].map(initials)).toEqual(["AP", "Б", "?", "ER"]);
});

const person = (name: string, role: "caller" | "callee" | "listening" = "callee") => ({ user: name.toLowerCase(), name, extension: "100", state: "talking" as const, muted: false, role });

test("a call is called after everybody else in it, and never after a supervisor who only listens", () => {
  const peer = { user: "boris", name: "Boris", extension: "102" };
  expect(nameOf({ peer, others: [], role: undefined })).toBe("Boris");
  expect(nameOf({ peer, others: [person("Boris"), person("Clara")], role: "caller" })).toBe("Boris, Clara");
  expect(nameOf({ peer, others: [person("Boris"), person("Clara", "listening")], role: "caller" })).toBe("Boris");
});

test("the state of a call in words", () => {
  const talking = { state: "answered" as const, direction: "outgoing" as const, heldBy: undefined, waitsFor: undefined, unstable: false, answering: false, space: undefined, role: undefined, others: [], room: undefined };
  expect(stateOf(talking)).toBe("In a call");
  expect(stateOf({ ...talking, state: "rescuing", waitsFor: "me" })).toBe("Reconnecting …");
  expect(stateOf({ ...talking, state: "rescuing", waitsFor: "peer" })).toMatch(/lost the connection/);
  expect(stateOf({ ...talking, state: "held", heldBy: "peer" })).toBe("has put you on hold");
  expect(stateOf({ ...talking, state: "held", heldBy: "peer", space: 12 })).toBe("has parked you in space 12");
  expect(stateOf({ ...talking, role: "listening" })).toBe("You listen to this call");
});

test("the page speaks the browser's language when it can, or the one that was chosen", () => {
  expect(chooseLanguage(null, ["de-DE", "ru-RU", "en"])).toBe("ru");
  expect(chooseLanguage(null, ["en-GB", "ru"])).toBe("en");
  expect(chooseLanguage(null, ["fr"])).toBe("en");
  expect(chooseLanguage("en", ["ru"])).toBe("en");
});

test("both languages have the same words", () => {
  const shape = (value: unknown): unknown => (typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value).sort().map(([key, inner]) => [key, shape(inner)])) : typeof value);
  expect(shape(russian)).toEqual(shape(english));
  expect(russian.unreadCount(2)).toBe("2 непрочитанных");
  expect([1, 2, 5].map(russian.missedCount)).toEqual(["1 пропущенный", "2 пропущенных", "5 пропущенных"]);
});
