/** How long a voice is away when a page is loaded again or a switch is killed under the call, and what is left afterwards. By heard tones. */
import { docker } from "../support/docker.ts";
import type { Phone } from "../support/phones.ts";
import { Scene } from "../support/scene.ts";
import { until } from "../support/until.ts";
import { median, quantile, report } from "./figures.ts";

const reloads = Number(process.env.HOUSELINE_BENCH_RELOADS ?? 90);
const kills = Number(process.env.HOUSELINE_BENCH_KILLS ?? 10);

const scene = await Scene.set({ config: { switch: { kind: "freeswitch" } }, people: ["anna", "boris", "clara", "dmitri"] });
const [anna, boris, clara, dmitri] = [scene.phone("anna"), scene.phone("boris"), scene.phone("clara"), scene.phone("dmitri")];
/** Of every repetition: legs beyond two for each call, calls beyond those that are there, calls with another id. */
const wrong = { legs: 0, calls: 0, ids: 0 };
try {
  await reloading();
  await killing();
  const all = reloads + kills;
  report({ name: `legs too many or too few, after ${all} repetitions`, value: wrong.legs, unit: "legs", goal: "0", ok: wrong.legs === 0 });
  report({ name: `calls doubled or lost, after ${all} repetitions`, value: wrong.calls + wrong.ids, unit: "calls", goal: "0", ok: wrong.calls + wrong.ids === 0 });
} finally {
  await scene.end();
}
process.exit();

async function reloading(): Promise<void> {
  const gaps: number[] = [];
  const id = await scene.connect(anna, boris, "Boris Weber");
  for (let turn = 0; turn < reloads; turn++) {
    // Whoever called and whoever was called, in turn.
    const [stays, reloaded] = turn % 2 === 0 ? [anna, boris] : [boris, anna];
    await stays.listenFor(reloaded);
    await reloaded.page.reload();
    await together([[stays, reloaded, id]]);
    gaps.push(await stays.longestSilence());
    await count(1);
  }
  await scene.clear();
  report({ name: `reload of a page: the voice is away, median of ${reloads}`, value: median(gaps), unit: "ms", goal: "at most 500", ok: median(gaps) <= 500 });
  report({ name: "the same, 95th percentile", value: quantile(gaps, 0.95), unit: "ms" });
}

async function killing(): Promise<void> {
  const gaps: number[] = [];
  const ids = [await scene.connect(anna, boris, "Boris Weber"), await scene.connect(clara, dmitri, "Dmitri Orlov")];
  for (let turn = 0; turn < kills; turn++) {
    await Promise.all([anna.listenFor(boris), clara.listenFor(dmitri)]);
    const { id } = await scene.deployment.container("freeswitch");
    await docker("kill", "--signal", "KILL", id);
    // Docker starts again what died by itself, not what it killed: a crash is the former.
    await docker("start", id).catch(() => undefined);
    await Promise.all([anna.hearsNothingOf(boris), clara.hearsNothingOf(dmitri)]);
    await together([[anna, boris, ids[0]!], [clara, dmitri, ids[1]!]]);
    gaps.push(await anna.longestSilence(), await clara.longestSilence());
    await count(2);
  }
  await scene.clear();
  report({ name: `switch killed: the voice is away, median of ${gaps.length} calls`, value: median(gaps) / 1_000, unit: "s", goal: "at most 4", ok: median(gaps) <= 4_000 });
  report({ name: "the same, the longest", value: Math.max(...gaps) / 1_000, unit: "s" });
}

/** Waits until these hear each other in the same call. */
async function together(pairs: readonly (readonly [Phone, Phone, string])[]): Promise<void> {
  const call = (phone: Phone) => phone.page.evaluate(() => window.houseline?.calls.map(({ callId, state }) => `${callId} ${state}`).join());
  for (const [one, other, id] of pairs) {
    await until("a call", async () => /answered$/.test(await call(one) ?? "") && /answered$/.test(await call(other) ?? ""), 40_000);
    await Promise.all([one.hears(other), other.hears(one)]);
    for (const phone of [one, other]) if (await call(phone) !== `${id} answered`) wrong.ids++;
  }
}

/** What is left once it has settled: ten seconds are more than any of our own deadlines here. */
async function count(calls: number): Promise<void> {
  const { id } = await scene.deployment.container("freeswitch");
  const legs = async () => Number(/^(\d+) total/m.exec(await docker("exec", id, "fs_cli", "-x", "show channels").catch(() => ""))?.[1]);
  const held = () => scene.deployment.metric("houseline_calls");
  await until("two legs for each call", async () => await legs() === 2 * calls, 10_000).catch(async () => { wrong.legs += Math.abs(await legs() - 2 * calls); });
  await until("each call once", async () => await held() === calls, 10_000).catch(async () => { wrong.calls += Math.abs((await held() ?? 0) - calls); });
}
