import { describe, expect, it } from "vitest";
import { limits } from "../../protocol/wire.ts";
import { Broadcasts } from "./broadcasts.ts";
import type { Connection } from "./connection.ts";
import { packHandOver, RecentEvents, unpackHandOver } from "./hand-over.ts";
import { Session } from "./session.ts";

const identity = { id: "s1", user: "anna", sipUser: "anna~1", createdAt: Date.now(), apiToken: null };

/** A session with a socket that only remembers what was sent. */
function opened(broadcasts = new Broadcasts(), before?: ConstructorParameters<typeof Session>[4]) {
  const session = new Session(identity, "token", () => new Set(), broadcasts, before);
  const sent: string[] = [];
  const connection = { heartbeat: undefined, send: (text: string) => sent.push(text), sendMissed: (events: string[]) => sent.push(...events) } as unknown as Connection;
  session.attach(connection);
  const seen = () => sent.splice(0).map((text) => JSON.parse(text) as { seq: number; data: { n: number } }).map(({ seq, data }) => `${seq}:${data.n}`);
  const all = (n: number) => {
    broadcasts.add("person", `{"n":${n}}`);
    session.catchUp();
  };
  return { session, connection, seen, all, own: (n: number) => session.send("call", `{"n":${n}}`) };
}

describe("a session's numbers", () => {
  it("run through its own events and those for everybody, and are the same when they are told again", () => {
    const { session, seen, all, own } = opened();
    all(1); own(2); all(3); all(4); own(5);
    expect(seen()).toEqual(["1:1", "2:2", "3:3", "4:4", "5:5"]);
    expect(session.replay(1)).toBe(true);
    expect(seen()).toEqual(["2:2", "3:3", "4:4", "5:5"]);
    expect(session.replay(5)).toBe(true);
    expect(seen()).toEqual([]);
  });

  it("come once to a new socket, also those for everybody that this session had not been told yet", () => {
    const broadcasts = new Broadcasts();
    const { session, connection, seen, own } = opened(broadcasts);
    own(1);
    seen();
    session.detach(connection);
    own(2);
    broadcasts.add("person", '{"n":3}');
    session.attach(connection);
    expect(session.replay(1)).toBe(true);
    expect(seen()).toEqual(["2:2", "3:3"]);
  });

  it("tell nothing when something is wanting, of either kind", () => {
    for (const kind of ["own", "all"] as const) {
      const one = opened();
      one.own(0);
      one.all(0);
      for (let n = 1; n <= limits.replayEvents * 1.3; n++) one[kind](n);
      one.seen();
      expect(one.session.replay(1), kind).toBe(false);
      expect(one.seen()).toEqual([]);
    }
  });

  it("are kept until two pings after them were answered; then a device that asks for them starts over", () => {
    const { session, seen, all, own } = opened();
    const beat = () => { session.onPing(); session.onPong(); };
    own(1); all(2);
    beat();
    own(3);
    expect(session.replay(0)).toBe(true);
    session.onPing();
    own(4);
    session.onPong();
    seen();
    expect(session.replay(1)).toBe(false);
    expect(session.replay(2)).toBe(true);
    expect(seen()).toEqual(["3:3", "4:4"]);
    beat(); beat();
    expect(session.replay(3)).toBe(false);
    expect(session.freeze().sent).toEqual([]);
    own(5);
    expect(session.replay(4)).toBe(true);
  });

  it("go on beyond what the device has seen, when that is more than this server knows", () => {
    const { session, seen, all, own } = opened();
    expect(session.replay(40)).toBe(false);
    all(1);
    own(2);
    expect(seen()).toEqual(["41:1", "42:2"]);
    expect(session.replay(41)).toBe(true);
    expect(session.replay(39)).toBe(false);
  });

  it("go on at another server, which tells again what came before", () => {
    const here = opened();
    here.all(1); here.own(2); here.all(3);
    const frozen = unpackHandOver(packHandOver(here.session.freeze()))!;
    const elsewhere = new Broadcasts();
    for (let n = 0; n < 5; n++) elsewhere.add("person", `{"n":-1}`);
    const there = opened(elsewhere, frozen);
    there.all(4); there.own(5);
    there.seen();
    expect(there.session.replay(0)).toBe(true);
    expect(there.seen()).toEqual(["1:1", "2:2", "3:3", "4:4", "5:5"]);
  });

  it("start over when what was handed over was too much", () => {
    const here = opened();
    for (let n = 0; n < 200; n++) here.session.send("message", JSON.stringify({ n, body: "x".repeat(2_000) }));
    const there = opened(new Broadcasts(), unpackHandOver(packHandOver(here.session.freeze())));
    there.all(200);
    there.seen();
    expect(there.session.replay(0)).toBe(false);
    expect(there.session.replay(195)).toBe(true);
    expect(there.seen()).toEqual(["196:195", "197:196", "198:197", "199:198", "200:199", "201:200"]);
  });
});

describe("what two servers saw", () => {
  it("is told by one of them, though each has its own clock; what came in between is told by the second", () => {
    const here = opened();
    const recent = new RecentEvents();
    const call = (state: string, startedAt: number) => JSON.stringify({ call: { id: "c1", state, startedAt } });
    for (const state of ["ringing", "answered", "held", "answered"]) {
      here.session.send("call", call(state, 1_000));
      recent.note("anna", "call", call(state, 1_003));
    }
    const frozen = here.session.freeze();
    recent.note("anna", "call", call("held", 1_003));
    recent.note("anna", "profile", "{}");
    recent.note("boris", "call", call("ended", 1_003));
    expect(recent.missed(identity, frozen).map(({ data }) => (JSON.parse(data) as { call: { state: string } }).call.state)).toEqual(["held"]);
  });

  it("is forgotten after a while", () => {
    const recent = new RecentEvents();
    recent.note("anna", "call", "{}");
    recent.sweep(Date.now() + 60_000);
    expect(recent.missed({ user: "anna", createdAt: 0 }, { seq: 0, sent: [], frozenAt: 0 })).toEqual([]);
  });
});
