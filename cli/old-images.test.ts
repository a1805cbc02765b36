import { describe, expect, it } from "vitest";
import { readSettings } from "../pulumi/settings.ts";
import { neededBy, oldImages, type HostImage } from "./old-images.ts";
import type { Release } from "./releases.ts";

const day = 86_400_000;
const now = 100 * day;
const image = (name: string, daysAgo: number | undefined, inUse = false): HostImage => ({ id: name, references: [name], bytes: 1, inUse, lastWanted: daysAgo === undefined ? undefined : now - daysAgo * day });
const settings = readSettings({}, {}, "a test");
const release = (time: number, images: Release["images"], result: Release["result"] = "deployed"): Release => ({ time: new Date(time).toISOString(), user: "x", command: "up", result, seconds: 1, switch: "lab-switch", images, settings, containers: [] });

describe("images of old releases", () => {
  it("go by age, the oldest first; what a container uses or a rollback needs never goes", () => {
    const images = [image("young", 3), image("older", 40), image("oldest", 90), image("used", 90, true), image("needed", 90), image("unknown", undefined)];
    const { old, younger } = oldImages(images, new Set(["needed"]), 30, now);
    expect(old.map(({ id }) => id)).toEqual(["oldest", "older"]);
    // What goes next when the disk is full.
    expect(younger.map(({ id }) => id)).toEqual(["young", "unknown"]);
  });

  it("of a stack, those of the deployed release, of the one before, and of a failed one after it are needed", () => {
    const list = [release(1, { edge: "a" }), release(2, { edge: "b" }), release(3, { edge: "c" }), release(4, { edge: "c" }), release(5, { edge: "d" }, "failed")];
    expect(new Set(neededBy(list))).toEqual(new Set(["b", "c", "d"]));
    expect(neededBy([])).toEqual([]);
  });
});
