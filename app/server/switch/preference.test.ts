import { beforeEach, describe, expect, it } from "vitest";
import { Preference, steadyMs, type Candidate } from "./preference.ts";

interface Slot extends Candidate { name: string }

describe("which switch people are sent to", () => {
  let now: number;
  let preference: Preference<Slot>;
  let all: Slot[];
  let chosen: Slot | undefined;
  /** First host's two slots, and one of the host in reserve. */
  let [first, next, reserve]: Slot[] = [];

  const slot = (name: string, rank: number): Slot => ({ name, rank, ready: false, draining: false, startedAt: 0 });
  /** As the server does whenever something changes, or the time has come. */
  const look = (afterMs = 0) => {
    now += afterMs;
    const { best, againMs } = preference.choose(all, chosen, now);
    chosen = best;
    return [best?.name, againMs];
  };
  const is = (one: Slot | undefined, state: Partial<Slot>) => Object.assign(one!, state);

  beforeEach(() => {
    now = 1_000_000;
    preference = new Preference<Slot>(2, now);
    all = [first, next, reserve] = [slot("first", 0), slot("next", 0), slot("reserve", 1)];
    chosen = undefined;
  });

  /** Everything is well for a minute. */
  function serve(): void {
    is(first, { ready: true, startedAt: 1 });
    is(reserve, { ready: true, startedAt: 2 });
    look();
    look(60_000);
  }

  it("is the first host's, although the one in reserve started later, and of one host the one that started last", () => {
    serve();
    expect(look()).toEqual(["first", undefined]);
    is(next, { ready: true, startedAt: 3 });
    expect(look()).toEqual(["next", undefined]);
  });

  it("is the one in reserve at once when nothing answers on the first host", () => {
    serve();
    is(first, { ready: false });
    expect(look()).toEqual(["reserve", undefined]);
  });

  it("is the first host's again when that has been well for a while, and not while it comes and goes", () => {
    serve();
    is(first, { ready: false });
    look();
    is(first, { ready: true });
    expect(look()).toEqual(["reserve", steadyMs]);
    expect(look(steadyMs - 1)).toEqual(["reserve", 1]);
    is(first, { ready: false });
    expect(look()).toEqual(["reserve", undefined]);
    is(first, { ready: true });
    expect(look(1_000)).toEqual(["reserve", steadyMs]);
    expect(look(steadyMs)).toEqual(["first", undefined]);
  });

  it("stays on the first host during an upgrade: the old one drains, and its successor is waited for", () => {
    serve();
    is(first, { draining: true });
    expect(look()).toEqual(["first", steadyMs]);
    is(next, { ready: true, startedAt: 3 });
    expect(look(1_000)).toEqual(["next", undefined]);
  });

  it("is the one in reserve when the first host's drains and nothing comes in its place", () => {
    serve();
    is(first, { draining: true });
    look();
    expect(look(steadyMs)).toEqual(["reserve", undefined]);
    // It goes on for its calls, and ends.
    is(first, { ready: false });
    expect(look()).toEqual(["reserve", undefined]);
  });

  it("is left at once in reserve when only that one drains", () => {
    serve();
    is(first, { ready: false });
    look();
    is(reserve, { draining: true });
    expect(look()).toEqual(["reserve", undefined]);
    is(first, { ready: true });
    expect(look()).toEqual(["first", undefined]);
  });

  it("after a start is not the one in reserve because that answered first, but when the first host stays silent", () => {
    is(reserve, { ready: true });
    expect(look(500)).toEqual([undefined, steadyMs - 500]);
    is(first, { ready: true });
    expect(look(500)).toEqual(["first", undefined]);
    chosen = undefined;
    is(first, { ready: false });
    expect(look(steadyMs)).toEqual(["reserve", undefined]);
  });

  it("is one that drains rather than none, and none when nothing answers", () => {
    serve();
    is(reserve, { ready: false });
    is(first, { draining: true });
    expect(look()).toEqual(["first", undefined]);
    is(first, { ready: false });
    expect(look()).toEqual([undefined, undefined]);
  });
});
