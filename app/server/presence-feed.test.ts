import { expect, it } from "vitest";
import type { Person } from "../protocol/wire.ts";
import { PresenceFeed } from "./presence-feed.ts";

const person = (user: string, text: string): Person => ({ user, name: user, extension: "101", presence: "available", text });

it("tells at once while it is cheap, then no more than the bound, and of somebody who waits the newest alone", () => {
  const told: string[] = [];
  let now = 0;
  const feed = new PresenceFeed(({ user, text }) => told.push(`${user} ${text}`), () => 10_000, () => now);
  for (const user of ["anna", "boris", "clara", "dmitri"]) feed.changed(person(user, "one"));
  expect(told).toEqual(["anna one", "boris one"]);
  feed.changed(person("clara", "two"));
  feed.changed(person("anna", "two"));
  expect(told).toHaveLength(2);
  now += 200;
  feed.step();
  expect(told.slice(2)).toEqual(["clara two"]);
  feed.removed("dmitri");
  now += 1_000;
  feed.step();
  expect(told.slice(3)).toEqual(["anna two"]);
  feed.close();
});
