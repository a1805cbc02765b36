import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { imageNames, planImage, repositoryRoot } from "./images.ts";
import { inputLines, inputRecord, tagOf, type ImageInputs } from "./image-inputs.ts";
import { readSettings } from "./settings.ts";

describe("the tag of an image", () => {
  let root: string;
  const inputs: ImageInputs = { name: "x", files: ["app"], npm: [], buildArgs: { A: "1", B: "2" }, bases: { debian: "sha256:1" }, platform: "linux/amd64" };
  const tag = (changed: Partial<ImageInputs> = {}) => tagOf(inputLines(root, { ...inputs, ...changed }));

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "houseline-inputs-"));
    mkdirSync(join(root, "app"));
    writeFileSync(join(root, "app/one.ts"), "1");
    writeFileSync(join(root, "app/two.sh"), "2");
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it("is the same whatever the times, the umask and the order in which arguments are given", () => {
    const before = tag();
    utimesSync(join(root, "app/one.ts"), 1, 1);
    chmodSync(join(root, "app/one.ts"), 0o664);
    expect(tag({ buildArgs: { B: "2", A: "1" } })).toBe(before);
  });

  it("changes with a file's content, name or executable bit, an argument, a base image, the platform", () => {
    const tags = [tag(), tag({ buildArgs: { A: "1" } }), tag({ bases: { debian: "sha256:2" } }), tag({ platform: "linux/arm64" })];
    chmodSync(join(root, "app/two.sh"), 0o755);
    tags.push(tag());
    writeFileSync(join(root, "app/one.ts"), "changed");
    tags.push(tag());
    writeFileSync(join(root, "app/three.ts"), "");
    tags.push(tag());
    expect(new Set(tags).size).toBe(tags.length);
  });

  it("leaves tests out, which no build is given", () => {
    const before = tag();
    writeFileSync(join(root, "app/one.test.ts"), "");
    expect(tag()).toBe(before);
  });

  it("has the packages of its own architecture one by one", () => {
    writeFileSync(join(root, "app/packages.lock"), `# a comment\namd64 freeswitch 1.11.1~1 ${"a".repeat(64)}\narm64 freeswitch 1.11.0~1 ${"b".repeat(64)}\n`);
    expect(inputRecord(inputLines(root, { ...inputs, debs: "app/packages.lock" }))).toMatchObject({ "deb freeswitch": "1.11.1~1 aaaaaaaaaaaaaaaa" });
  });

  it("keeps a record of every input, with digests short enough for a label, and no build argument's value", () => {
    expect(inputRecord(inputLines(root, inputs))).toEqual({
      "image x": "linux/amd64", "arg A": "6b86b273ff34fce1", "arg B": "d4735e3a265e16ee", "base debian": "sha256:1",
      "file app/one.ts": "- 6b86b273ff34fce1", "file app/two.sh": "- d4735e3a265e16ee",
    });
  });
});

describe("the recipes", () => {
  const settings = readSettings({}, {}, "a test");
  const inventory = { images: new Map<string, string>(), platform: "linux/amd64" };

  it.each(imageNames)("name every file of the repository that the Dockerfile of %s copies", (name) => {
    const record = planImage(name, settings, inventory).inputs;
    const files = Object.keys(record).filter((key) => key.startsWith("file ")).map((key) => key.slice(5));
    // The sounds' lock names the digest of everything else of that image; npm's two are told by their packages.
    const byOther = name === "freeswitch-sound" ? ["images/freeswitch-sound/"] : ["package.json", "package-lock.json"];
    const copied = readFileSync(join(repositoryRoot, "images", name, "Dockerfile"), "utf8").split("\n")
      .filter((line) => line.startsWith("COPY ") && !line.includes("--from=")).flatMap((line) => line.split(/\s+/).slice(1, -1));
    for (const source of copied) {
      if (byOther.includes(source)) continue;
      expect(files.some((file) => file === source || file.startsWith(`${source.replace(/\/$/, "")}/`)), source).toBe(true);
    }
  });

  it.each([["app-server", "server"], ["edge", "sip-gate"], ["lab-switch", "lab-switch"]])("take from npm what it puts beside a part alone, into %s", (name, part) => {
    const lines = readFileSync(join(repositoryRoot, "images", name, "Dockerfile"), "utf8").split("\n");
    for (const folder of ["node_modules", `app/${part}/node_modules`]) expect(lines).toContain(`COPY --from=dependencies /srv/houseline/${folder} ${folder}`);
  });

  it("name every npm package that the page's build imports", () => {
    const record = planImage("app-server", settings, inventory).inputs;
    const folders = ["app/softphone", "app/client", "app/protocol"];
    const sources = folders.flatMap((folder) => readdirSync(join(repositoryRoot, folder)).filter((file) => /(?<!\.test)\.(ts|mjs)$/.test(file)).map((file) => readFileSync(join(repositoryRoot, folder, file), "utf8")));
    const names = new Set(sources.flatMap((source) => [...source.matchAll(/^(?:import|export) .*from "([^."][^"]*)"/gm)].map(([, name]) => name!)).filter((name) => /^[@a-z]/.test(name) && !name.startsWith("node:")));
    expect(names.size).toBeGreaterThan(2);
    const packageOf = (name: string) => name.split("/").slice(0, name.startsWith("@") ? 2 : 1).join("/");
    for (const name of names) expect(record, name).toHaveProperty([`npm node_modules/${packageOf(name)}`]);
  });
});
