import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { EslLink } from "../../app/server/switch/esl-link.ts";
import { meaning, readScene, rowsMeaning, talkingRows, writeScene } from "../support/recording.ts";
import { sceneDomain, sceneEvents, scenePeople, scenes, Stage } from "../support/scenes.ts";
import { until } from "../support/until.ts";
import { aptSource, domain, removeLeftovers, skipReason, Stack, useDeployed } from "./stack.ts";

/** `HOUSELINE_RECORD_ESL=yes` writes what FreeSWITCH tells now as the recordings (test/fixtures/esl/scenes). */
const recording = process.env.HOUSELINE_RECORD_ESL === "yes";

describe.skipIf(!aptSource)(`what FreeSWITCH tells over ESL, beside its recordings${skipReason && ` (skipped: ${skipReason})`}`, () => {
  let stack: Stack;
  let esl: EslLink;
  let url: string;

  beforeAll(async () => {
    expect(sceneDomain).toBe(domain);
    await removeLeftovers();
    useDeployed(inject("deployed"));
    stack = await Stack.create(scenePeople);
    const running = await stack.start();
    await running.healthy();
    const slot = await running.slot();
    url = stack.url(slot);
    esl = new EslLink("127.0.0.1", stack.ports(slot).esl, stack.eslPassword, sceneEvents);
    esl.start();
    await until("ESL", () => esl.up);
  });
  afterAll(async () => {
    esl?.close();
    await stack?.close();
  });

  it.each(scenes)("$name", async ({ name, play }) => {
    const stage = new Stage(url, esl);
    await play(stage);
    await stage.close();
    if (recording) writeScene(name, stage.events);
    expect(meaning(stage.events)).toEqual(meaning(readScene(name)));
    if (stage.channels.length > 0) expect(rowsMeaning(stage.channels)).toEqual(talkingRows);
  });
});
