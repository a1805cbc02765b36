import { describe, expect, it } from "vitest";
import { duration, sentences, type Planned } from "./forecast-words.ts";

const planned = (role: string, change: "create" | "stay", tag = "new"): Planned => ({ role, stays: change === "stay", image: `houseline/${role}:${tag}` });
const present = (role: string, more: { tag?: string; state?: string; talks?: number; drainSeconds?: number } = {}) => ({ role, image: `houseline/${role}:${more.tag ?? "old"}`, state: "running", ...more });

describe("what a preview says", () => {
  it("of a first deployment", () => {
    expect(sentences([planned("app-server-secrets", "create"), planned("app-server", "create")], [])).toEqual(["app-server-secrets: is made.", "app-server: is started, of release new."]);
  });

  it("of nothing to do", () => {
    expect(sentences([planned("app-server", "stay", "old")], [present("app-server")])).toEqual(["Every container stays."]);
  });

  it("of an upgrade: what is replaced, who goes on and for how long, what stays", () => {
    const there = [present("freeswitch-sound", { state: "created" }), present("freeswitch", { talks: 3, drainSeconds: 7_200 }), present("softswitch-edge"), present("app-server")];
    const wanted = [planned("freeswitch-sound", "stay", "old"), planned("freeswitch", "create"), planned("softswitch-edge", "stay", "old"), planned("app-server", "create", "old")];
    expect(sentences(wanted, there)).toEqual([
      "freeswitch-sound: stays.",
      "freeswitch: is replaced by release new; 3 calls on the old one go on, for at most 2 h (the drain limit).",
      "softswitch-edge: stays.",
      "app-server: is replaced by the same release old with another configuration; sessions go over to it within ten seconds, with all they have.",
    ]);
  });

  it("of a switch with nobody in it, with one call, and of one that can't be asked", () => {
    const of = (talks?: number) => sentences([planned("lab-switch", "create")], [present("lab-switch", { talks, drainSeconds: 90 })])[0];
    expect(of(0)).toBe("lab-switch: is replaced by release new; nobody talks on the old one.");
    expect(of(1)).toBe("lab-switch: is replaced by release new; 1 call on the old one goes on, for at most 90 s (the drain limit).");
    expect(of()).toBe("lab-switch: is replaced by release new; calls on the old one go on, for at most 90 s (the drain limit).");
  });

  it("of a relay, whose calls stay with the old one", () => {
    expect(sentences([planned("turn", "create")], [present("turn", { drainSeconds: 3_600 })])[0]).toBe("turn: is replaced by release new; calls that go over the old one stay with it, for at most 1 h (the drain limit).");
    expect(sentences([], [present("turn", { drainSeconds: 60 })])[0]).toBe("turn of release old: is told to finish; calls that go over the old one stay with it, for at most 1 min (the drain limit).");
  });

  it("of releases that drain still, of one more than there are slots, and of a switch of another kind", () => {
    const draining = present("lab-switch", { tag: "older", talks: 1, drainSeconds: 60 });
    expect(sentences([planned("lab-switch", "stay", "old")], [draining, present("lab-switch")])).toEqual([
      "lab-switch: stays.", "lab-switch of release older: finishes already, or is told to; 1 call on the old one goes on, for at most 1 min (the drain limit).",
    ]);
    expect(sentences([planned("lab-switch", "create")], [draining, present("lab-switch", { tag: "b" }), present("lab-switch", { tag: "c" })])[0]).toMatch(/all 3 slots are taken .*'up' says who talks/);
    expect(sentences([planned("freeswitch", "create")], [present("lab-switch", { talks: 2, drainSeconds: 60 })])).toEqual([
      "freeswitch: is started, of release new.", "lab-switch of release old: is told to finish; 2 calls on the old one go on, for at most 1 min (the drain limit).",
    ]);
  });

  it("of a switch in reserve by its host, and of each what becomes of its own calls", () => {
    const there = [{ ...present("freeswitch", { talks: 1, drainSeconds: 60 }), host: "root@a" }, { ...present("freeswitch", { talks: 0, drainSeconds: 60 }), host: "root@b" }, { ...present("app-server"), host: "root@c" }];
    const wanted = [{ ...planned("freeswitch", "create"), host: "root@a" }, { ...planned("freeswitch", "create"), host: "root@b" }, { ...planned("app-server", "stay", "old"), host: "root@c" }];
    expect(sentences(wanted, there)).toEqual([
      "freeswitch on root@a: is replaced by release new; 1 call on the old one goes on, for at most 1 min (the drain limit).",
      "freeswitch on root@b: is replaced by release new; nobody talks on the old one.",
      "app-server: stays.",
    ]);
    expect(sentences(wanted, there.slice(0, 1))[1]).toBe("freeswitch on root@b: is started, of release new.");
  });

  it("of times", () => {
    expect([duration(3_600), duration(5_400), duration(61)]).toEqual(["1 h", "90 min", "61 s"]);
  });
});
