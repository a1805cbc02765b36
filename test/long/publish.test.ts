import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { Copy } from "../bench/copy.ts";
import { Deployment, type CommandResult } from "../support/deployment.ts";
import { Registry } from "../../pulumi/registry.ts";
import { docker } from "../support/docker.ts";
import { Engine, noEngine } from "../support/engine.ts";
import { longScene } from "../support/long-scene.ts";
import { account, TestRegistry } from "../support/registry.ts";

const names = ["secrets", "freeswitch-sound", "lab-switch", "edge", "app-server"];
interface Plan { downloadedBytes: number; images: { image: string; layers: { digest: string; bytes: number; downloaded: boolean }[] }[] }
interface Sbom { spdxVersion: string; packages: { SPDXID: string; name: string; externalRefs: { referenceLocator: string }[] }[] }
interface Published { release: string; images: { image: string; digest: string; sentBytes: number; existed: boolean }[] }

longScene("images published to a registry and deployed from it", noEngine, () => {
  let registry: TestRegistry;
  let engine: Engine;
  let deployment: Deployment;
  let copy: Copy;
  /** What the edited copy built on this machine: nobody else needs it. */
  const built = new Set<string>();

  beforeAll(async () => {
    registry = await TestRegistry.start({ withAccount: true });
    engine = await Engine.create("host");
    deployment = await Deployment.prepare({ registry: { address: `${registry.host}/team` }, dataDirectory: join(engine.folder, "people") });
    copy = await Copy.make();
  });
  beforeEach(() => {
    registry.disturb = () => undefined;
    registry.requests.length = 0;
    process.env.HOUSELINE_REGISTRY_USER = account.user;
    process.env.HOUSELINE_REGISTRY_PASSWORD = account.password;
    delete process.env.DOCKER_HOST;
  });
  afterAll(async () => {
    if (engine) process.env.DOCKER_HOST = engine.host;
    await deployment?.remove();
    await engine?.remove();
    delete process.env.DOCKER_HOST;
    for (const image of built) await docker("rmi", "--force", image).catch(() => undefined);
    await registry?.stop();
    await copy?.remove();
  });

  const publish = (...options: string[]): Promise<CommandResult> => deployment.run("images", "--publish", `${registry.host}/team`, "--yes", ...options);
  const publishCopy = async (...options: string[]): Promise<CommandResult> => {
    const result = await deployment.runIn(copy.directory, "images", "--publish", `${registry.host}/team`, "--yes", ...options);
    for (const [, image] of result.stderr.matchAll(/^ {2}Image (houseline\/\S+): done/gm)) built.add(image!);
    return result;
  };
  /** On the other host: its own, empty engine. */
  const onHost = async <T>(work: () => Promise<T>): Promise<T> => {
    process.env.DOCKER_HOST = engine.host;
    return work();
  };
  const tagsOf = async (name: string): Promise<string[]> => {
    const authorization = `Basic ${Buffer.from(`${account.user}:${account.password}`).toString("base64")}`;
    const answer = await fetch(`http://${registry.host}/v2/team/houseline-${name}/tags/list`, { headers: { authorization } });
    return answer.ok ? (await answer.json() as { tags: string[] | null }).tags ?? [] : [];
  };

  /** What --plan says that this host would download, and what the registry then served during some work. */
  async function plannedAndServed(plan: () => Promise<CommandResult>, work: () => Promise<unknown>): Promise<{ planned: Record<string, number>; served: Record<string, number>; total: number }> {
    const result = await onHost(plan);
    expect(result.code, result.stderr).toBe(0);
    const { images, downloadedBytes } = JSON.parse(result.stdout) as Plan;
    const planned: Record<string, number> = {};
    // A layer that lies on others in each of two images is downloaded for both.
    for (const { digest, bytes, downloaded } of images.flatMap(({ layers }) => layers)) if (downloaded) planned[digest] = (planned[digest] ?? 0) + bytes;
    registry.pulled.clear();
    registry.requests.length = 0;
    await onHost(work);
    // What up itself read, to learn which images there are.
    const release = registry.requests.flatMap((line) => /houseline-release\/blobs\/(sha256:\w+)$/.exec(line)?.[1] ?? []);
    return { planned, served: Object.fromEntries([...registry.pulled].filter(([digest]) => !release.includes(digest))), total: downloadedBytes };
  }

  it("without an account, or with a wrong password: a sentence without the password, and nothing is there", async () => {
    delete process.env.HOUSELINE_REGISTRY_USER;
    delete process.env.HOUSELINE_REGISTRY_PASSWORD;
    const without = await publish();
    expect(without.code).toBe(1);
    expect(without.stderr).toMatch(/does not let us read .* type 'docker login 127/);
    process.env.HOUSELINE_REGISTRY_USER = account.user;
    process.env.HOUSELINE_REGISTRY_PASSWORD = "another-password-altogether";
    const wrong = await publish();
    expect(wrong.code).toBe(1);
    expect(wrong.stdout + wrong.stderr).not.toContain("another-password");
    expect(wrong.stderr).not.toMatch(/^\s+at .*\.ts:/m);
    expect((await Promise.all([...names, "release"].map(tagsOf))).flat()).toEqual([]);
  });

  it("a registry that fails in the middle: no tag is there, and up refuses and changes nothing", async () => {
    registry.disturb = (line) => /^PUT .*houseline-app-server\/manifests/.test(line) ? "fail" : undefined;
    const { code, stderr } = await publish();
    expect(code).toBe(1);
    expect(stderr).toContain("HTTP 503, at each of 6 tries");
    expect((await Promise.all([...names, "release"].map(tagsOf))).flat()).toEqual([]);
    const up = await onHost(() => deployment.run("up", "--yes"));
    expect(up.code).toBe(1);
    expect(up.stderr).toMatch(/Nothing was published in .* for the files here \(release \w+\)/);
    expect(await engine.docker("ps", "--all", "--quiet")).toBe("");
  });

  it("a line that breaks again and again: everything arrives, by digest first, and the release's tag last", async () => {
    let [failed, cut] = [0, 0];
    registry.disturb = (line) => {
      if (/^(HEAD|GET|POST)/.test(line) && registry.requests.length % 5 === 0 && failed++ < 10) return "fail";
      if (/^PUT .*\/blobs\/uploads/.test(line) && cut++ < 2) return "cut";
      return undefined;
    };
    const { code, stdout, stderr } = await publish("--json");
    expect(code, stderr).toBe(0);
    expect(failed + cut).toBeGreaterThan(3);
    const { images } = JSON.parse(stdout) as Published;
    expect(images.map(({ image }) => image).sort()).toEqual([...names].sort());
    const isWrite = (line: string) => line.startsWith("PUT") && line.includes("/manifests/");
    const writes = registry.requests.filter(isWrite);
    // A tag of twelve digits is an image's or the release's: from the first of them on nothing else is written but the release itself.
    const firstTag = registry.requests.findIndex((line) => isWrite(line) && /\/[0-9a-f]{12}$/.test(line));
    const after = registry.requests.slice(firstTag).filter((line) => line.startsWith("PUT"));
    expect(after.filter((line) => line.includes("sha256:") && !line.includes("houseline-release"))).toEqual([]);
    expect(after.filter((line) => line.includes("/blobs/uploads") && !line.includes("houseline-release"))).toEqual([]);
    expect(writes.at(-1)).toMatch(/houseline-release\/manifests\/[0-9a-f]{12}$/);
  });

  it("again: nothing is built and nothing sent", async () => {
    const { code, stdout, stderr, seconds } = await publish("--json");
    expect(code, stderr).toBe(0);
    const { images } = JSON.parse(stdout) as Published;
    expect(images.map(({ sentBytes, existed }) => [sentBytes, existed])).toEqual(names.map(() => [0, true]));
    expect(stderr).not.toMatch(/Image houseline\//);
    console.log(`publishing with nothing changed: ${seconds.toFixed(1)} s`);
  });

  it("another machine, which builds everything itself from another checkout, publishes the same digests", async () => {
    const machine = await Engine.create("another", { images: ["debian:bookworm-slim", "node:24-bookworm-slim", "caddy:2"] });
    const other = await TestRegistry.start();
    try {
      const digests = async (result: CommandResult) => (JSON.parse(result.stdout) as Published).images.map(({ image, digest }) => `${image}@${digest}`);
      const mine = await digests(await publish("--json"));
      process.env.DOCKER_HOST = machine.host;
      const theirs = await deployment.runIn(copy.directory, "images", "--publish", other.host, "--yes", "--json");
      expect(theirs.code, theirs.stderr).toBe(0);
      for (const name of ["app-server", "edge", "lab-switch", "freeswitch-sound", "secrets"]) expect(theirs.stderr).toMatch(new RegExp(`Image houseline/${name}:\\w+: done`));
      expect(await digests(theirs)).toEqual(mine);
    } finally {
      await other.stop();
      await machine.remove();
    }
  }, 600_000);

  it("up on a host with nothing: pulls each image by its digest, builds none, keeps no password", async () => {
    let [stdout, stderr] = ["", ""];
    const { planned, served, total } = await plannedAndServed(() => deployment.run("images", "--plan", "--json"), async () => { ({ stdout, stderr } = await deployment.up()); });
    expect(stderr).not.toMatch(/Image houseline\//);
    expect(stdout).toContain("Softphone");
    expect(served).toEqual(planned);
    expect(total).toBe(Object.values(served).reduce((sum, bytes) => sum + bytes, 0));
    console.log(`a host with nothing downloads ${total} bytes`);
    expect((await onHost(() => deployment.run("images", "--plan"))).stdout).toMatch(/edge +nothing: it is there[^]*Nothing would be downloaded/);
    const containers = await onHost(() => deployment.containers());
    expect(containers.length).toBe(7);
    for (const { image, role } of containers) expect(image, role).toMatch(/^127\.0\.0\.1:\d+\/team\/houseline-[a-z-]+@sha256:[0-9a-f]{64}$/);
    expect((await fetch(`${deployment.page}healthz`)).status).toBe(200);
    expect((await onHost(() => deployment.run("status"))).stdout).toMatch(/app-server +[0-9a-f]{12} +slot 0 +healthy/);
    expect(await engine.docker("image", "ls", "--format", "{{.Repository}}")).toContain("/team/houseline-app-server");
    const record = (await onHost(() => deployment.run("history", "--json"))).stdout;
    expect(record).not.toContain(account.password);
    expect((await onHost(() => deployment.up())).stdout).toContain("Nothing to change");
  });

  it("a changed line that CI has not published: up refuses, and what serves goes on", async () => {
    await mkdir(join(copy.directory, ".houseline/stacks"), { recursive: true });
    await copy.edit("app/server/log.ts", (text) => `${text}// a line of the test\n`);
    const before = await onHost(() => deployment.containers());
    await expect(onHost(() => deployment.upFrom(copy.directory))).rejects.toThrow(/Nothing was published .* './);
    expect(await onHost(() => deployment.containers())).toEqual(before);
  });

  it("published: under a megabyte is sent, under a megabyte pulled before anything is stopped, and one container replaced", async () => {
    const { code, stdout, stderr } = await publishCopy("--json");
    expect(code, stderr).toBe(0);
    const { images } = JSON.parse(stdout) as Published;
    const reference = JSON.parse((await deployment.runIn(copy.directory, "images", "--json")).stdout) as { image: string; tag: string }[];
    expect(reference.length).toBe(names.length);
    expect(images.filter(({ sentBytes }) => sentBytes > 0).map(({ image }) => image)).toEqual(["app-server"]);
    expect(images.find(({ image }) => image === "app-server")!.sentBytes).toBeLessThan(1e6);
    const before = await onHost(() => deployment.containers());
    expect((await onHost(() => deployment.runIn(copy.directory, "images", "--explain", "app-server"))).stdout).toMatch(/differs from .*, in one input:\n {2}file app\/server\/log\.ts changed/);
    registry.disturb = (line) => /^GET .*houseline-app-server\/manifests/.test(line) ? "fail" : undefined;
    await expect(onHost(() => deployment.upFrom(copy.directory))).rejects.toThrow(/neither on this host nor can it be pulled .*Nothing was changed/);
    expect(await onHost(() => deployment.containers())).toEqual(before);

    const begun = Date.now();
    let lastPull = 0;
    registry.disturb = (line) => {
      if (/^GET .*\/blobs\//.test(line)) lastPull = Date.now();
      return undefined;
    };
    const { planned, served, total } = await plannedAndServed(() => deployment.runIn(copy.directory, "images", "--plan", "--json"), () => deployment.upFrom(copy.directory));
    const changes = await engine.docker("events", "--since", String(begun / 1_000), "--until", String(Date.now() / 1_000), "--filter", "type=container", "--filter", "event=create", "--filter", "event=kill", "--format", "{{.TimeNano}}");
    expect(changes.split("\n").length).toBeGreaterThan(1);
    expect(Math.min(...changes.split("\n").map(Number)) / 1e6).toBeGreaterThan(lastPull);
    expect(served).toEqual(planned);
    // The layer of the server's code, and the image's configuration.
    expect(Object.keys(served).length).toBe(2);
    expect(total).toBeLessThan(1e6);
    console.log(`a changed line of the application server moves ${total} bytes`);
    const kept = new Set(before.map(({ id }) => id));
    expect((await onHost(() => deployment.containers())).filter(({ id }) => !kept.has(id)).map(({ role }) => role)).toEqual(["app-server"]);
  });

  it("beside each image lies what is in it, as SPDX", async () => {
    const tags = await tagsOf("app-server");
    const sbom = tags.find((tag) => tag.endsWith(".sbom"));
    expect(tags.filter((tag) => tag.endsWith(".sbom")).length).toBe(2);
    const client = new Registry(registry.host, { credentials: account });
    const { manifest } = (await client.manifest("team/houseline-app-server", sbom!))!;
    expect(manifest.layers[0]!.mediaType).toBe("application/spdx+json");
    const document = JSON.parse((await client.blob("team/houseline-app-server", manifest.layers[0]!.digest, 10 << 20)).toString()) as Sbom;
    expect(document.spdxVersion).toBe("SPDX-2.3");
    const names = document.packages.map(({ name }) => name);
    for (const name of ["app-server", "libc6", "ws", "pino"]) expect(names).toContain(name);
    expect(document.packages.find(({ name }) => name === "libc6")!.externalRefs[0]!.referenceLocator).toMatch(/^pkg:deb\/debian\/libc6@2\.36\S*\?arch=/);
    expect(new Set(document.packages.map(({ SPDXID }) => SPDXID)).size).toBe(document.packages.length);
  });

  it("an image that fails a check is not published, nor is any other, and each failure is told", async () => {
    await copy.edit("images/edge/Dockerfile", (text) => text.replace(/^USER .*$/m, [
      "RUN cp /usr/bin/true /usr/bin/gain && chmod u+s /usr/bin/gain && echo 'machine apt.example.com login reader password a-secret-of-the-tests' > /etc/left-over",
      "RUN rm /etc/left-over && head -c 70000000 /dev/urandom > /srv/big",
      "USER root",
    ].join("\n")));
    const before = await Promise.all([...names, "release"].map(tagsOf));
    const { code, stdout, stderr } = await publishCopy();
    expect(code).toBe(1);
    expect(stderr).toContain("Nothing was published: edge failed the checks");
    expect(stderr).toContain("/usr/bin/gain is setuid or setgid");
    expect(stderr).toMatch(/\/etc\/left-over in layer \d+ of \d+ has a login of apt/);
    expect(stderr).toMatch(/it adds 1\d\d\.\d MB to its base image; images\/budgets\.json allows/);
    expect(stderr).toContain("its user is 'root'");
    expect(stdout + stderr).not.toContain("a-secret-of-the-tests");
    expect(await Promise.all([...names, "release"].map(tagsOf))).toEqual(before);
  });

  it("rollback pulls an image that the host has lost, by its digest", async () => {
    const [current] = (await onHost(() => deployment.containers())).filter(({ role }) => role === "app-server");
    const old = (await engine.docker("image", "ls", "--digests", "--format", "{{.Repository}}@{{.Digest}}")).split("\n").filter((line) => line.includes("houseline-app-server@") && line !== current!.image);
    expect(old.length).toBe(1);
    await engine.docker("rmi", "--force", old[0]!, ...(await engine.docker("image", "inspect", "--format", "{{join .RepoTags \" \"}}", old[0]!)).split(" ").filter(Boolean));
    const { code, stdout, stderr } = await onHost(() => deployment.run("rollback", "--yes"));
    expect(code, stdout + stderr).toBe(0);
    expect((await onHost(() => deployment.container("app-server"))).image).toBe(old[0]);
  });

  it("images of old releases go by age and when the disk is full, and those that a rollback needs stay", async () => {
    await onHost(async () => {
      // Two that no release names any more.
      for (const name of ["one", "two"]) {
        const container = await engine.docker("create", "--label", "houseline.image=app-server", "--label", `n=${name}`, (await deployment.container("app-server")).image, "x");
        await engine.docker("commit", container, `houseline/app-server:${name}`);
        await engine.docker("rm", container);
      }
      const tags = async () => (await engine.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}")).split("\n");
      await deployment.configure({ healthySeconds: 80, images: { keepDays: 30, minimumFreePercent: 0 } });
      await deployment.up();
      expect(await tags()).toContain("houseline/app-server:one");
      // Of another configuration: something changes, and the images are looked through. No disk has nine tenths free here.
      await deployment.configure({ healthySeconds: 81, images: { keepDays: 0, minimumFreePercent: 0 } });
      const { stdout } = await deployment.up();
      expect(stdout).toContain("Removed 2 images of old releases");
      expect((await tags()).filter((tag) => tag.startsWith("houseline/"))).toEqual([]);
      const { code, stdout: back, stderr } = await deployment.run("rollback", "--yes");
      expect(code, back + stderr).toBe(0);
    });
  });
});
