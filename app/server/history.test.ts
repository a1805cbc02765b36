import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Call, EndReason } from "../protocol/wire.ts";
import { History } from "./history.ts";
import { createLog } from "./log.ts";
import { openStore } from "./store/open.ts";
import type { Store } from "./store/store.ts";
import { until } from "./testing/until.ts";

const [anna, boris] = [{ user: "anna", name: "Anna", extension: "101" }, { user: "boris", name: "Boris", extension: "102" }];
const ended = (n: number, reason: EndReason, answeredAt?: number): Call =>
  ({ id: `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`, state: "ended", caller: anna, callee: boris, startedAt: n, endedAt: n + 1_000, reason, ...(answeredAt === undefined ? {} : { answeredAt }) });

let folder: string;
let stores: Store[];
let histories: History[];
let changed: string[][];

/** Two servers on one file. */
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "houseline-history-"));
  stores = await Promise.all(["one", "two"].map((origin) => openStore({ databaseUrl: "", dataDirectory: folder, domain: "a.internal" }, origin, createLog("error"))));
  changed = [[], []];
  histories = stores.map((store, index) => new History(store, (user) => changed[index]!.push(user)));
});
afterEach(async () => {
  await Promise.all(stores.map((store) => store.close()));
  rmSync(folder, { recursive: true, force: true });
});

const page = (user: string, missedOnly = false) => histories[1]!.page(user, { before: Number.MAX_SAFE_INTEGER, limit: 10, missedOnly });

describe("a call that two servers saw end", () => {
  it("is one row for each of both people, with the other as peer", async () => {
    await Promise.all(histories.map((history) => history.record(ended(1, "hung-up", 5))));
    expect(await page("anna")).toMatchObject([{ direction: "outgoing", peer: boris, missed: false, answeredAt: 5 }]);
    expect(await page("boris")).toMatchObject([{ direction: "incoming", peer: anna, missed: false }]);
    expect(await histories[0]!.lastCalled("anna")).toBe("boris");
    expect(await histories[0]!.lastCalled("boris")).toBeUndefined();
  });

  it("was missed once by whom it rang, who is told at both servers", async () => {
    await Promise.all(histories.map((history) => history.record(ended(1, "no-answer"))));
    expect(await stores[0]!.history.missedSince("boris", 0)).toBe(1);
    await until(() => changed.every((users) => users.includes("boris")));
  });
});

describe("a call that nobody answered", () => {
  it.each([["no-answer", true], ["cancelled", true], ["offline", true], ["do-not-disturb", true], ["busy", true], ["declined", false]] as const)("because of '%s' was missed: %s", async (reason, missed) => {
    await histories[0]!.record(ended(1, reason));
    expect((await page("boris", true)).length === 1).toBe(missed);
    expect(await page("anna", true)).toEqual([]);
  });
});

it("whoever leaves a call that goes on has a row of their own", async () => {
  await histories[0]!.record(ended(1, "transferred", 5), "boris");
  expect(await page("anna")).toEqual([]);
  expect(await page("boris")).toMatchObject([{ reason: "transferred", missed: false }]);
});
