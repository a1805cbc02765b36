import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SwitchEvent } from "../../app/server/switch/esl-link.ts";
import { LabSwitch } from "../support/lab-switch.ts";
import { meaning, readRecording, readScene, relied, freeSwitchAlone, ofJobs, rowsMeaning, talkingRows, type ChannelRow } from "../support/recording.ts";
import { sceneDomain, sceneEvents, scenePeople, scenes, Stage } from "../support/scenes.ts";

describe("what the lab switch tells over ESL, beside recordings of FreeSWITCH", () => {
  let lab: LabSwitch;
  const seen = new Map<string, SwitchEvent[]>();
  let channels: ChannelRow[] = [];

  beforeAll(async () => {
    lab = await LabSwitch.start(sceneDomain, scenePeople, sceneEvents);
    for (const { name, play } of scenes) {
      const stage = new Stage(lab.url, lab.esl);
      await play(stage);
      await stage.close();
      seen.set(name, stage.events);
      if (stage.channels.length > 0) ({ channels } = stage);
    }
  });
  afterAll(async () => { await lab?.close(); });

  it.each(scenes)("$name: the same events in the same order of each leg, with the same meaning in every header that is read", ({ name }) => {
    expect(meaning(seen.get(name)!)).toEqual(meaning(readScene(name)));
  });

  it("lists channels as FreeSWITCH does", () => {
    expect(rowsMeaning(channels)).toEqual(talkingRows);
  });

  it("an ordinary call, and one to somebody offline, are told as in recordings that another FreeSWITCH made with another configuration", () => {
    const names = { 1001: "boris", dora: "boris" };
    const legs = (events: readonly SwitchEvent[]) => meaning(events.filter((event) => event["Event-Name"] !== "DTMF"), names);
    expect(legs(seen.get("call-hold-dtmf")!)).toEqual(legs(readRecording("call-hold-transfer")));
    expect(legs(seen.get("offline")!)["leg 1"]).toEqual(legs(readRecording("busy-offline-echo"))["leg 2"]);
  });

  it("every header that the application server reads of an event is among those compared", () => {
    const folders = ["app/server/calls", "app/server/switch"].map((folder) => join(import.meta.dirname, "../..", folder));
    const sources = folders.flatMap((folder) => readdirSync(folder).filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts")).map((file) => readFileSync(join(folder, file), "utf8")));
    const read = sources.flatMap((text) => [...text.matchAll(/\bevent(?:\["([\w-]+)"\]|\.(variable_\w+))/g)].map(([, name, variable]) => name ?? variable!));
    expect(read.length).toBeGreaterThan(5);
    expect([...new Set(read)].filter((name) => !([...relied, ...freeSwitchAlone, ...ofJobs] as readonly string[]).includes(name))).toEqual([]);
  });
});
