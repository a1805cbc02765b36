/** A relay that dies under a call: how often both hear each other again, and after how long. By heard tones, with UDP dropped by the kernel. */
import { setTimeout as delay } from "node:timers/promises";
import { docker } from "../support/docker.ts";
import { cutNetwork } from "../support/network.ts";
import { RelayScene } from "../support/relay-scene.ts";
import { until } from "../support/until.ts";
import { median, report } from "./figures.ts";

const kills = Number(process.env.HOUSELINE_BENCH_KILLS ?? 20);
/** Milliseconds after which people have long hung up. */
const patienceMs = 60_000;

/** Docker restarts one that ran for less than 10 s later each time: the figure is to be of a relay that dies once. (docker run, "--restart") */
const settledMs = 10_500;
async function hasSettled(id: string): Promise<void> {
  await delay(Math.max(0, Date.parse(await docker("inspect", "--format", "{{.State.StartedAt}}", id)) + settledMs - Date.now()));
}

const scene = await RelayScene.set({ switch: { kind: "freeswitch" } });
const [anna, boris] = [await scene.enter("anna", 440), await scene.enter("boris", 700)];
const restore = await cutNetwork("-p", "udp");
const away: number[] = [];
try {
  await anna.button("Call Boris Weber").click();
  await boris.button("Answer").click();
  await Promise.all([anna.hears(boris), boris.hears(anna)]);
  for (let turn = 0; turn < kills; turn++) {
    if ((await scene.wayOf(anna))?.type !== "relay") throw new Error("The call does not go by the relay.");
    await anna.listenFor(boris);
    const { id } = await scene.deployment.container("turn");
    await hasSettled(id);
    await docker("exec", id, "bash", "-c", "kill -KILL $(< /run/houseline/turnserver.pid)");
    const isBack = await Promise.all([anna.hearsNothingOf(boris), until("the voice", async () => {
      await delay(500);
      return Promise.all([anna.hears(boris), boris.hears(anna)]).then(() => true, () => false);
    }, patienceMs)]).then(() => true, () => false);
    if (!isBack) break;
    // Anna's own record hears it a moment later than the look that found it.
    await delay(500);
    away.push(await anna.longestSilence());
    process.stderr.write(`  ${turn + 1}/${kills}: back after ${(away.at(-1)! / 1_000).toFixed(1)} s\n`);
  }
} finally {
  await restore();
  await scene.end();
}
report({ name: `calls that came back when their relay died, of ${kills} one after the other`, value: away.length, unit: "calls", goal: `all ${kills}`, ok: away.length === kills });
report({ name: "without a voice, median", value: median(away) / 1_000, unit: "s" });
report({ name: "without a voice, the longest", value: Math.max(...away) / 1_000, unit: "s" });
process.exit();
