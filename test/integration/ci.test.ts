import { execFile, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { findActionlint } from "../../cli/setup/actionlint.ts";
import { run } from "../../pulumi/process.ts";
import { houseline, root } from "../support/deployment.ts";

interface Step { uses?: string; run?: string; env?: Record<string, string> }
interface Job { needs?: string | string[]; "runs-on": string; "timeout-minutes": number; environment?: string; permissions?: Record<string, string>; if?: string; env?: Record<string, string>; steps: Step[] }
interface Workflow { name: string; on: Record<string, unknown>; permissions: Record<string, string>; jobs: Record<string, Job> }
interface GitlabJob { stage?: string; script?: string[]; extends?: string; environment?: string; variables?: Record<string, string>; rules?: { if?: string; when?: string }[]; timeout?: string }

const read = (file: string) => parse(readFileSync(join(root, file), "utf8")) as unknown;
const github = read(".github/workflows/houseline.yml") as Workflow;
const gitlab = read(".gitlab-ci.yml") as Record<string, GitlabJob> & { stages: string[] };
const gitlabJobs = Object.entries(gitlab as Record<string, GitlabJob>).filter(([name]) => !["stages", "default", "workflow"].includes(name) && !name.startsWith("."));
const commands = [...Object.values(github.jobs).flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? [])), ...gitlabJobs.flatMap(([, { script }]) => script ?? [])];

describe("the CI definitions", () => {
  it("have jobs that exist where they wait for each other, a time limit each, and no more rights than they need", () => {
    for (const [name, job] of Object.entries(github.jobs)) {
      for (const needed of [job.needs ?? []].flat()) expect(Object.keys(github.jobs), name).toContain(needed);
      expect(job["timeout-minutes"], name).toBeGreaterThan(0);
      for (const step of job.steps) expect(step.run === undefined, name).toBe(step.uses !== undefined);
      for (const { uses } of job.steps) if (uses) expect(uses).toMatch(/^[\w-]+\/[\w-]+@v\d+$/);
    }
    expect(github.permissions).toEqual({ contents: "read" });
    expect(Object.entries(github.jobs).filter(([, { permissions }]) => permissions).map(([name]) => name)).toEqual(["preview"]);
    for (const [name, { stage }] of gitlabJobs) expect(gitlab.stages, name).toContain(stage);
    for (const [name, { extends: parent }] of gitlabJobs) if (parent) expect(Object.keys(gitlab), name).toContain(parent);
  });

  it("test, publish, comment a preview on a merge request, deploy each environment after an approval, and rebuild at night", () => {
    expect(Object.keys(github.on).sort()).toEqual(["pull_request", "push", "schedule", "workflow_dispatch"]);
    for (const stack of ["staging", "production"]) {
      expect(github.jobs[stack]).toMatchObject({ environment: stack });
      expect(gitlab[stack]).toMatchObject({ environment: stack, rules: [{ when: "manual" }] });
    }
    expect(github.jobs.production!.needs).toBe("staging");
    for (const wanted of ["./houseline test --yes", "--publish", "pulumi preview", "pulumi up --stack staging", "pulumi up --stack production", "images --update", "images --check"]) {
      expect(commands.filter((command) => command.includes(wanted)).length, wanted).toBeGreaterThanOrEqual(2);
    }
  });

  it("give secrets by the environment alone", () => {
    for (const command of commands) expect(command).not.toMatch(/secrets\.|PASSWORD|TOKEN|PASSPHRASE/);
  });

  it("lead nothing but what deploys to the host's Docker", () => {
    const led = Object.entries(github.jobs).filter(([, { env }]) => env?.DOCKER_HOST).map(([name]) => name);
    expect(led).toEqual(["preview", "staging", "production"]);
    expect(Object.entries(gitlab as Record<string, GitlabJob>).filter(([, { variables }]) => variables?.DOCKER_HOST)).toMatchObject([[".pulumi", { variables: { DOCKER_HOST: "$HOUSELINE_DOCKER_HOST" } }]]);
    expect(gitlabJobs.filter(([, job]) => job.extends === ".pulumi").map(([name]) => name)).toEqual(led);
  });

  it("name commands and options that there are", async () => {
    const own = commands.flatMap((command) => [...command.matchAll(/\.\/houseline ([^|;]+)/g)].map(([, words]) => words!.trim()));
    expect(own.length).toBeGreaterThanOrEqual(4);
    for (const words of new Set(own)) {
      // With an option too many each refuses before it does anything, and only for that one when the rest is right.
      const { code, stderr } = await houseline([...words.replaceAll('"', "").split(" "), "--not-an-option"]);
      expect(code).toBe(1);
      expect(stderr, words).toMatch(/has no option '--not-an-option'/);
    }
    for (const script of commands.flatMap((command) => /^(ci\/\S+)/.exec(command)?.[1] ?? [])) expect(existsSync(join(root, script)), script).toBe(true);
  });
});

describe("linters of the CI definitions", () => {
  let folder: string;
  beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), "houseline-ci-")); });
  afterAll(() => rm(folder, { recursive: true }));

  it("find nothing in GitHub's workflow, and what is wrong in a broken one (actionlint)", async () => {
    // By itself it runs ShellCheck and pyflakes too, where they happen to be installed.
    const lint = (file: string) => run(findActionlint()!, ["-no-color", "-oneline", "-shellcheck=", "-pyflakes=", file]);
    const workflow = join(root, ".github/workflows/houseline.yml");
    expect(await lint(workflow)).toMatchObject({ code: 0, stdout: "" });
    const broken = join(folder, "broken.yml");
    await writeFile(broken, readFileSync(workflow, "utf8").replace("github.event_name", "github.event_nam"));
    expect(await lint(broken)).toMatchObject({ code: 1, stdout: expect.stringContaining('property "event_nam" is not defined') as string });
  });

  /** The jobs that a pipeline would have; by GitLab's own schema, which gitlab-ci-local brings. It keeps what it works out beside the definition: a copy. */
  async function gitlabPipeline(definition: string, variables: Record<string, string>): Promise<Record<string, string>> {
    await writeFile(join(folder, ".gitlab-ci.yml"), definition);
    const given = Object.entries({ CI_DEFAULT_BRANCH: "main", ...variables }).flatMap(([name, value]) => ["--variable", `${name}=${value}`]);
    const absent = ["CI_COMMIT_BRANCH"].filter((name) => !(name in variables)).flatMap((name) => ["--unset-variable", name]);
    const { code, stdout, stderr } = await run(process.execPath, [join(root, "node_modules/.bin/gitlab-ci-local"), "--list-json", "--ignore-predefined-vars", "CI_DEFAULT_BRANCH,CI_COMMIT_BRANCH,CI_PIPELINE_SOURCE", ...given, ...absent], { directory: folder, environment: { HOME: folder, NO_COLOR: "1" } });
    if (code !== 0) throw new Error(stderr);
    return Object.fromEntries((JSON.parse(stdout) as { name: string; when: string }[]).filter(({ when }) => when !== "never").map(({ name, when }) => [name, when]));
  }
  const definition = readFileSync(join(root, ".gitlab-ci.yml"), "utf8");

  it("find nothing in GitLab's definition, and in each kind of pipeline the jobs that belong there (gitlab-ci-local)", async () => {
    const always = "on_success";
    expect(await gitlabPipeline(definition, { CI_PIPELINE_SOURCE: "merge_request_event" })).toEqual({ tests: always, images: always, preview: always });
    expect(await gitlabPipeline(definition, { CI_PIPELINE_SOURCE: "push", CI_COMMIT_BRANCH: "main" })).toEqual({ tests: always, images: always, staging: "manual", production: "manual" });
    expect(await gitlabPipeline(definition, { CI_PIPELINE_SOURCE: "schedule", CI_COMMIT_BRANCH: "main" })).toEqual({ tests: always, nightly: always });
  });

  it("find what is wrong in a definition of GitLab's", async () => {
    await expect(gitlabPipeline(definition.replace("timeout: 90m", "timout: 90m"), {})).rejects.toThrow("'timout' property is not expected to be here at tests");
    await expect(gitlabPipeline(definition.replace("stage: preview", "stage: reviews"), {})).rejects.toThrow("stage:reviews not found for preview");
  });
});

describe("ci/comment.sh (against a mock of both services)", () => {
  let server: Server;
  let folder: string;
  const seen: { url: string; headers: Record<string, unknown>; body: string }[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "houseline-ci-"));
    await writeFile(join(folder, "preview.txt"), "~ 1 to update\n```\n");
    server = createServer((request, response) => {
      let body = "";
      request.on("data", (part: Buffer) => { body += part.toString(); }).on("end", () => {
        seen.push({ url: request.url!, headers: request.headers, body });
        response.writeHead(201).end("{}");
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterAll(async () => {
    server.close();
    await rm(folder, { recursive: true });
  });

  const comment = (environment: Record<string, string>) => promisify(execFile)(join(root, "ci/comment.sh"), [join(folder, "preview.txt")], { env: { PATH: process.env.PATH, ...environment } });
  const address = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  it("comments on GitHub and on GitLab, the token in a header", async () => {
    await comment({ GITHUB_API_URL: address(), GITHUB_REPOSITORY: "team/phone", PULL_REQUEST: "7", GITHUB_TOKEN: "gh-token" });
    await comment({ CI_API_V4_URL: address(), CI_PROJECT_ID: "42", CI_MERGE_REQUEST_IID: "9", HOUSELINE_COMMENT_TOKEN: "gl-token" });
    expect(seen.map(({ url }) => url)).toEqual(["/repos/team/phone/issues/7/comments", "/projects/42/merge_requests/9/notes"]);
    expect(seen[0]!.headers.authorization).toBe("Bearer gh-token");
    expect(seen[1]!.headers["private-token"]).toBe("gl-token");
    expect((JSON.parse(seen[0]!.body) as { body: string }).body).toMatch(/^```\n~ 1 to update\n` ` `/);
  });

  it("shows the file on a laptop, and says what is missing", async () => {
    expect((await comment({})).stdout).toContain("~ 1 to update");
    const child = spawn(join(root, "ci/comment.sh"), ["/nowhere"], { stdio: "ignore" });
    expect(await new Promise((resolve) => child.on("exit", resolve))).toBe(1);
    await expect(comment({ GITHUB_REPOSITORY: "team/phone", PULL_REQUEST: "7" })).rejects.toThrow("GITHUB_TOKEN is not set");
  });
});
