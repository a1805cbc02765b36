import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Deployment, root } from "../support/deployment.ts";
import { docker, nextRelease } from "../support/docker.ts";
import { tone } from "../support/tone.ts";
import { aptSource, skipReason } from "./stack.ts";

const run = promisify(execFile);
const sounds = "/usr/share/freeswitch/sounds";

describe.skipIf(!aptSource)(`prompts and music of a stack on FreeSWITCH${skipReason && ` (skipped: ${skipReason})`}`, () => {
  let deployment: Deployment;
  let image: string;
  const made: string[] = [];

  beforeAll(async () => {
    deployment = await Deployment.prepare({ switch: { kind: "freeswitch" } });
    await deployment.up();
    ({ image } = await deployment.container("freeswitch"));
  });
  afterAll(async () => {
    await deployment?.remove();
    for (const name of made) await docker("rmi", "--force", name).catch(() => undefined);
  });

  const inSwitch = async (line: string) => docker("exec", (await deployment.container("freeswitch")).id, "bash", "-c", line);
  /** The sound container with its image and volume, and every file in it with its size and when it was last changed. */
  const state = async () => ({
    container: await docker("inspect", "--format", "{{.Id}} {{.Image}} {{range .Mounts}}{{.Name}} {{.Destination}}{{end}}", (await deployment.container("freeswitch-sound")).id),
    files: await inSwitch(`shopt -s globstar; stat -c '%n %i %s %Z' ${sounds}/**/*`),
  });

  it("an upgrade of FreeSWITCH leaves the sound container and its image alone, and moves 0 bytes of audio", async () => {
    const before = await state();
    const running = (await deployment.container("freeswitch")).id;
    const next = await nextRelease(image, `houseline/freeswitch:${deployment.stack}-next`);
    made.push(next);
    // The new release brings no audio of its own.
    const { stdout } = await run("sh", ["-c", `id=$(docker create ${next}) && docker export $id | tar -tv; docker rm --volumes $id > /dev/null`], { maxBuffer: 16 << 20 });
    const audio = stdout.split("\n").filter((line) => /\.(wav|mp3|ogg|opus|raw|gsm)$/.test(line) || (line.includes("freeswitch/sounds/") && !line.endsWith("/")));
    expect(audio).toEqual([]);
    await deployment.configure({ freeswitch: { image: next } });
    await deployment.up();
    const after = await deployment.container("freeswitch");
    expect(after).toMatchObject({ image: next, health: "healthy" });
    expect(after.id).not.toBe(running);
    expect(await state()).toEqual(before);
  });

  it.each([["en", "en/us/callie"], ["ru", "ru/RU/elena"]])("every prompt of prompts.%s.tsv is there, spoken, at 8 and 48 kHz", async (language, folder) => {
    const names = (await readFile(join(root, `images/freeswitch-sound/prompts.${language}.tsv`), "utf8")).trim().split("\n").map((line) => line.split("\t")[0]!);
    const rates = await ratesOf(`${sounds}/${folder}`);
    for (const rate of [8_000, 48_000]) {
      for (const name of names) expect(rates.get(`${folder}/${name.replace(/[^/]*$/, "")}${rate}/${name.split("/").at(-1)}.wav`), `${name} at ${rate}`).toEqual({ rate, isSpoken: true });
    }
  });

  it("music on hold is there at 8 and 48 kHz, as it is played: nothing is resampled in a call", async () => {
    const rates = await ratesOf(`${sounds}/music`);
    for (const rate of [8_000, 48_000]) expect([...rates].filter(([file]) => file.startsWith(`music/${rate}/`)).map(([, found]) => found.rate)).toContain(rate);
    for (const [file, { rate }] of rates) expect(file).toContain(`/${rate}/`);
    const streams = await inSwitch("fs_cli -x 'local_stream show'");
    expect(streams).toContain("moh/48000");
    expect(streams).toContain("moh/8000");
  });

  it("nobody can write there", async () => {
    await expect(inSwitch(`touch ${sounds}/PACK`)).rejects.toThrow(/Read-only file system|Permission denied/);
  });

  /** Sample rate of every WAV file below a folder (RIFF, bytes 24 to 27), and whether there is at least a tenth of a second in it. */
  async function ratesOf(folder: string): Promise<Map<string, { rate: number; isSpoken: boolean }>> {
    const lines = await inSwitch(`shopt -s globstar; for f in ${folder}/**/*.wav; do echo "$f $(od -An -tu4 -j24 -N4 "$f") $(stat -c %s "$f")"; done`);
    return new Map(lines.split("\n").map((line) => {
      const [file = "", rate, size] = line.split(/\s+/);
      return [file.slice(sounds.length + 1), { rate: Number(rate), isSpoken: Number(size) > Number(rate) * 2 / 10 }];
    }));
  }
});

describe("the sound image from published archives (made ones here, in the same layout, from a server of the test)", () => {
  let folder: string;
  let server: Server;
  let base: string;
  const made: string[] = [];
  const contents = new Map<string, Buffer>();
  const archives = { "music-8000-1.0.52": "music/8000/song.wav", "en-us-callie-8000-1.0.53": "en/us/callie/conference/8000/conf-alone.wav" };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "houseline-sound-"));
    await mkdir(join(folder, "images"));
    await cp(join(root, "images/freeswitch-sound"), join(folder, "images/freeswitch-sound"), { recursive: true });
    for (const [name, file] of Object.entries(archives)) {
      await mkdir(join(folder, name, file, ".."), { recursive: true });
      await writeFile(join(folder, name, file), tone(700));
      const archive = `freeswitch-sounds-${name}.tar.gz`;
      await run("tar", ["-czf", join(folder, archive), "-C", join(folder, name), file.split("/")[0]!]);
      contents.set(archive, await readFile(join(folder, archive)));
    }
    server = createServer((request, response) => {
      const archive = contents.get(request.url!.slice(1));
      if (archive) response.end(archive);
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true, force: true });
    for (const name of made) await docker("rmi", "--force", name).catch(() => undefined);
  });

  /** Builds with a lock that names these archives, as set-up does. */
  async function build(pack: string, digest: (archive: Buffer) => string): Promise<string> {
    const lock = await readFile(join(root, "images/freeswitch-sound/sounds.lock"), "utf8");
    const named = [...contents].map(([file, archive]) => `archive ${digest(archive)} ${file}`);
    const kept = lock.split("\n").filter((line) => !line.startsWith("archive ") && !line.startsWith("base "));
    await writeFile(join(folder, "images/freeswitch-sound/sounds.lock"), [...kept, `base ${base}`, ...named, ""].join("\n"));
    const tag = `houseline/freeswitch-sound:test-${process.pid}-${made.length}`;
    await run("docker", ["build", "--network", "host", "--force-rm", "--tag", tag, "--build-arg", `SOUND_PACK=${pack}`, "--file", join(folder, "images/freeswitch-sound/Dockerfile"), folder],
      { env: { ...process.env, DOCKER_BUILDKIT: "0" }, maxBuffer: 16 << 20 }).catch((error: { stdout: string; stderr: string }) => { throw new Error(error.stdout + error.stderr); });
    made.push(tag);
    return tag;
  }
  const sha256 = (archive: Buffer) => createHash("sha256").update(archive).digest("hex");

  it("with their right digests has what is in them, and our own prompts beside", async () => {
    const tag = await build("published", sha256);
    const { stdout } = await run("sh", ["-c", `id=$(docker create ${tag}) && docker export $id | tar -tv; docker cp $id:${sounds}/PACK - | tar -xO; docker rm --volumes $id > /dev/null`], { maxBuffer: 16 << 20 });
    for (const file of Object.values(archives)) expect(stdout).toContain(`${sounds.slice(1)}/${file}`);
    expect(stdout).toMatch(/en\/us\/callie\/houseline\/48000\/busy\.wav/);
    expect(stdout).toMatch(/ru\/RU\/elena\/houseline\/48000\/busy\.wav/);
    expect(stdout.trim().endsWith("published")).toBe(true);
    expect(await docker("image", "inspect", "--format", "{{json .Config.Volumes}}", tag)).toBe(`{"${sounds}":{}}`);
  });

  it.each(["published", "auto"])("with a wrong digest is not built (%s), and says which archive it is", async (pack) => {
    await expect(build(pack, (archive) => sha256(Buffer.concat([archive, Buffer.from("x")])))).rejects.toThrow(/music-8000-1\.0\.52\.tar\.gz is not what sounds\.lock names/);
  });

  it("that can't be reached is not built when they are asked for by name", async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    // Another digest than before, or Docker would take the image that it has just built.
    await expect(build("published", () => "0".repeat(64))).rejects.toThrow(`The published sound archives can't be reached at ${base}`);
  });
});
