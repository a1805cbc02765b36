import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { bridgeOf, processesOf, removeEngine, tracesOf } from "../../cli/leftover-engines.ts";
import { removeLeftovers, runMark } from "../../cli/leftovers.ts";
import { Engine, noEngine } from "../support/engine.ts";
import { until } from "../support/until.ts";

/** A container of this: it is among the base images. */
const image = "debian:bookworm-slim";

describe.skipIf(noEngine)(`an engine of the tests' own${noEngine ? ` (left out here: ${noEngine})` : ""}`, () => {
  let folder = "";
  afterEach(() => removeEngine(folder));

  /** Everything that a machine has of it: an empty list is what has to be left. */
  const left = (containers: readonly string[]) => [
    ...existsSync(folder) ? [folder] : [],
    ...existsSync(`/sys/class/net/${bridgeOf(folder)}`) ? [bridgeOf(folder)] : [],
    ...readFileSync("/proc/self/mountinfo", "utf8").split("\n").filter((line) => line.includes(`${folder}/`)),
    ...processesOf(folder),
    ...tracesOf(folder, containers),
  ];

  it("is empty, or has what it was given, and leaves nothing behind when it is removed with a container running", async () => {
    const engine = await Engine.create("bare");
    ({ folder } = engine);
    expect(await engine.docker("image", "ls", "--quiet")).toBe("");
    expect(() => engine.disk).toThrow("without a disk of its own");
    await engine.remove();
    expect(left([])).toEqual([]);

    const given = await Engine.create("given", { diskMegabytes: 600, images: [image] });
    ({ folder } = given);
    const containers = [await given.docker("run", "--detach", "--network", "none", image, "sleep", "600")];
    expect(left(containers).length).toBeGreaterThan(5);
    await given.remove();
    expect(left(containers)).toEqual([]);
  });

  it("whose run is killed is removed by the next run", async () => {
    // Without the mark of this run it is named after its own process.
    const program = `const { Engine } = await import(process.argv[1]);
      const engine = await Engine.create("killed", { images: ["${image}"] });
      console.log(JSON.stringify({ folder: engine.folder, container: await engine.docker("run", "--detach", "--network", "host", "${image}", "sleep", "600") }));
      setInterval(() => {}, 60_000);`;
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", "--input-type=module", "--eval", program, new URL("../support/engine.ts", import.meta.url).href], { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, [runMark]: undefined } });
    const ended = new Promise((resolve) => child.on("exit", resolve));
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => { said += text; });
    await until("the engine of the other run", () => said.includes("\n"), 120_000);
    const { folder: made, container } = JSON.parse(said) as { folder: string; container: string };
    folder = made;
    expect(basename(folder)).toContain(`-${child.pid}-`);
    child.kill("SIGKILL");
    await ended;
    expect(processesOf(folder).length).toBeGreaterThan(2);
    await removeLeftovers();
    expect(left([container])).toEqual([]);
  });
});
