import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as docker from "@pulumi/docker";
import { LocalWorkspace } from "@pulumi/pulumi/automation/index.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Diagnostics } from "../../cli/engine.ts";
import { useOwnTools } from "../../cli/setup/index.ts";
import { pulumiCommand } from "../../cli/setup/pulumi-tools.ts";
import { service } from "../../pulumi/containers.ts";
import { GuardRails } from "../../pulumi/guard-rails.ts";
import { readSettings } from "../../pulumi/settings.ts";
import { Deployment } from "../support/deployment.ts";
import { docker as dockerCommand } from "../support/docker.ts";

const plan = { stack: "x", role: "x", image: "houseline/x:1", environment: {}, volumes: [], memoryMegabytes: 64, stopSeconds: 10, healthySeconds: 10 };

describe("the guard rails in Pulumi's engine", () => {
  let folder: string;
  beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), "houseline-rails-")); });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("make nothing of a stack that has one bad container, also what was declared before it, and say each violation", async () => {
    useOwnTools();
    const volume = `houseline-rails-${process.pid}`;
    const program = async () => {
      const rails = new GuardRails(readSettings({}, {}, "a test"), new Map());
      const first = new docker.Volume("first", { name: volume });
      new docker.Container("bad", { ...service(plan), user: undefined, stopTimeout: undefined, volumes: [{ volumeName: first.name, containerPath: "/x" }] });
      rails.close();
    };
    const stack = await LocalWorkspace.createOrSelectStack({ stackName: "rails", projectName: "rails", program }, {
      workDir: folder, pulumiCommand: await pulumiCommand(), projectSettings: { name: "rails", runtime: "nodejs", backend: { url: `file://${folder}` } },
      envVars: { PULUMI_CONFIG_PASSPHRASE: "of a test", PULUMI_BACKEND_URL: `file://${folder}` },
    });
    const diagnostics = new Diagnostics();
    const error = await stack.up({ onEvent: diagnostics.listen }).catch((reason: unknown) => reason);
    const { message } = diagnostics.failure(error);
    expect(message).toContain("This stack is refused, and nothing was changed");
    expect(message).toContain("Container bad: 'user' is not set: it would run as root.");
    expect(message).toContain("Container bad: 'stopTimeout' is not set");
    expect(message.match(/it would run as root/g)).toHaveLength(1);
    expect(message).not.toMatch(/\n\s+at /);
    expect(await dockerCommand("volume", "ls", "--quiet", "--filter", `name=${volume}`)).toBe("");
    const made = (await stack.exportStack()).deployment as { resources?: { type: string }[] };
    expect(made.resources?.filter(({ type }) => type.startsWith("docker:")) ?? []).toEqual([]);
  });

  it("./houseline up with an image by a moving tag is refused with the key's name, and nothing is made", async () => {
    const deployment = await Deployment.prepare({ images: { edge: "registry.example.com/team/edge:main" } });
    try {
      const { code, stderr } = await deployment.run("up", "--yes");
      expect(code).toBe(1);
      expect(stderr).toMatch(/'houseline:images\.edge' is registry\.example\.com\/team\/edge:main, .*@sha256/);
      expect(await deployment.containers()).toEqual([]);
    } finally {
      await deployment.remove();
    }
  });
});
