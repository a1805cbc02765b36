import { beforeEach, expect, test } from "vitest";
import type { Person, Profile } from "../protocol/wire.ts";
import { People } from "./people.ts";

const person = (user: string, name: string): Person => ({ user, name, extension: `1${user.length}`, presence: "available" });
const profile = (...favourites: string[]): Profile => ({ role: "member", permissions: [], availability: "available", text: "", favourites, language: "en", voicemail: false, unreadMessages: 0, missedCalls: 0 });
let people: People;
const shown = () => people.list.map(({ user, presence }) => `${user} ${presence}`);

beforeEach(() => {
  people = new People(async () => { throw new Error("nobody is asked"); });
  people.takeSnapshot(person("me", "Me Myself"), [person("anna", "Änna"), person("zoe", "Zoe"), person("boris", "boris")], profile("zoe"));
});

test("everybody else is listed: favourites first, then by name as people sort names", () => {
  expect(shown()).toEqual(["zoe available", "anna available", "boris available"]);
});

test("the list has the newest presence, and keeps its order meanwhile", () => {
  people.onPerson({ person: { ...person("boris", "boris"), presence: "in-call" } });
  people.onPerson({ person: { ...person("zoe", "Zoe"), presence: "offline" } });
  expect(shown()).toEqual(["zoe offline", "anna available", "boris in-call"]);
});

test("a new name, a newcomer, a favourite and somebody who is gone change the order", () => {
  people.onPerson({ person: person("boris", "Adam") });
  people.onPerson({ person: person("eva", "Eva") });
  expect(shown()).toEqual(["zoe available", "boris available", "anna available", "eva available"]);
  people.onProfile({ profile: profile("eva") });
  expect(shown()).toEqual(["eva available", "boris available", "anna available", "zoe available"]);
  people.onRemoved({ user: "boris" });
  people.takeSnapshot(person("anna", "Änna"), undefined, profile("eva"));
  expect(shown()).toEqual(["eva available", "me available", "zoe available"]);
});
