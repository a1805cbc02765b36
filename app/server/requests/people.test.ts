import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { closeCodes, type Person, type Profile } from "../../protocol/wire.ts";
import type { TestClient } from "../testing/test-client.ts";
import { demoPassword, TestStack, until } from "../testing/test-stack.ts";

let stack: TestStack;
beforeAll(async () => {
  stack = await TestStack.create();
  await stack.start(0);
  for (const [user, name] of [["jerome", "Jérôme Müller-Lüdenscheidt"], ["fedor", "Фёдор Достоевский"], ["m.weber", "Mia Weber"]]) await stack.api("POST", "/people", { user, name, password: "long-enough" });
});
afterAll(() => stack?.remove());

describe("what a person says about themselves", () => {
  it("is seen by others, kept over sign-ins, and told to their other devices", async () => {
    const [{ client: one }, { client: two }, { client: boris }] = [await stack.signIn("anna"), await stack.signIn("anna"), await stack.signIn("boris")];
    const { me, profile } = await one.ask("setStatus", { availability: "do-not-disturb", text: " in a meeting " }) as { me: Person; profile: Profile };
    expect(me).toMatchObject({ presence: "do-not-disturb", text: "in a meeting" });
    expect(profile).toMatchObject({ availability: "do-not-disturb", text: "in a meeting" });
    await until(() => boris.events("person").some(({ data }) => JSON.stringify(data).includes("in a meeting")));
    await until(() => two.events("profile").some(({ data }) => (data as { profile: Profile }).profile.availability === "do-not-disturb"));
    for (const client of [one, two]) client.socket.close();
    const { client, session } = await stack.signIn("anna");
    expect(session.profile).toMatchObject({ availability: "do-not-disturb", text: "in a meeting" });
    expect((await client.ask("setDoNotDisturb", { on: false })).me).toMatchObject({ presence: "available" });
    await client.ask("setStatus", { text: "" });
    for (const one of [client, boris]) one.socket.close();
  });

  it("has favourites, in the order in which they were added", async () => {
    const { client } = await stack.signIn("clara");
    for (const user of ["fedor", "anna"]) await client.ask("setFavourite", { user, on: true });
    expect((await client.ask("setFavourite", { user: "anna", on: true })).profile).toMatchObject({ favourites: ["fedor", "anna"] });
    expect((await client.ask("setFavourite", { user: "fedor", on: false })).profile).toMatchObject({ favourites: ["anna"] });
    await expect(client.ask("setFavourite", { user: "nobody", on: true })).rejects.toMatchObject({ code: "not-found" });
    client.socket.close();
  });
});

describe("presence", () => {
  it("outlasts a page that reloads, and ends a few seconds after a page that doesn't come back", async () => {
    const { client: watcher } = await stack.signIn("boris");
    const { client, session } = await stack.signIn("dmitri");
    const seen = () => watcher.events("person").map(({ data }) => (data as { person: Person }).person).filter(({ user }) => user === "dmitri").map(({ presence }) => presence);
    await until(() => seen().at(-1) === "available");
    client.socket.terminate();
    const back = await stack.open();
    await back.ask("resume", { resumeToken: session.resumeToken, lastSeq: client.lastSeq });
    // What happens afterwards was not preceded by anything.
    await back.ask("setStatus", { availability: "away" });
    await until(() => seen().at(-1) === "away");
    expect(seen()).not.toContain("offline");
    back.socket.terminate();
    await until(() => seen().at(-1) === "offline");
    const { client: again } = await stack.signIn("dmitri");
    await again.ask("setStatus", { availability: "available" });
    for (const one of [again, watcher]) one.socket.close();
  });
});

describe("finding people", () => {
  it("goes by the beginning of any word, whatever its accents and capitals", async () => {
    const { client } = await stack.signIn("boris");
    const found = async (text: string, limit = 10) => ((await client.ask("searchPeople", { text, limit })).people as Person[]).map(({ user }) => user);
    expect(await found("jero")).toEqual(["jerome"]);
    expect(await found("LUDEN")).toEqual(["jerome"]);
    expect(await found("федор")).toEqual(["fedor"]);
    expect(await found("mia web")).toEqual(["m.weber"]);
    expect(await found("weber")).toEqual(["boris", "m.weber"]);
    expect(await found("weber", 1)).toEqual(["boris"]);
    expect(await found("101")).toEqual(["anna"]);
    for (const text of ["eber", "zz", "..."]) expect(await found(text), text).toEqual([]);
    client.socket.close();
  });
});

describe("changing one's password", () => {
  it("needs the old one, and signs every other device out", async () => {
    const [{ client: one }, { client: two }] = [await stack.signIn("dmitri"), await stack.signIn("dmitri")];
    await expect(one.ask("changePassword", { current: "wrong", next: "a-new-password" })).rejects.toMatchObject({ code: "unauthorized", message: "The current password is wrong." });
    await one.ask("changePassword", { current: demoPassword, next: "a-new-password" });
    expect(await two.closedWith()).toBe(closeCodes.unauthorized);
    expect(one.closed).toBeUndefined();
    await expect(stack.signIn("dmitri")).rejects.toMatchObject({ code: "unauthorized" });
    await (await stack.open()).ask("login", { user: "dmitri", password: "a-new-password" });
    one.socket.close();
  });
});

describe("too many devices", () => {
  it("sign the one out that is longest there", async () => {
    const clients: TestClient[] = [];
    for (let n = 0; n < 11; n++) clients.push((await stack.signIn("clara")).client);
    await until(() => clients.some(({ closed }) => closed === closeCodes.tooMany));
    expect(clients.map(({ closed }) => closed)).toEqual([closeCodes.tooMany, ...Array.from({ length: 10 }, () => undefined)]);
    for (const { socket } of clients) socket.close();
  });
});
