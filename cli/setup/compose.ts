import { existsSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../pulumi/process.ts";
import { root } from "../paths.ts";
import { dockerClient } from "./docker-engine.ts";
import { goBuild, ownExecutable } from "./go-toolchain.ts";
import type { Consent } from "./prerequisite.ts";

const own = ownExecutable("docker-compose");

/** How Docker Compose is called here: the peer that benches measure against. Built from its Go module where there is none. */
export async function composeCommand(consent: Consent): Promise<readonly string[]> {
  const { path } = dockerClient();
  if ((await run(path, ["compose", "version"])).code === 0) return [path, "compose"];
  if (!existsSync(own)) await goBuild({ module: join(root, "tools", "compose"), package: "github.com/docker/compose/v2/cmd", output: own }, consent, "Docker Compose 2.35.1 from its Go module");
  return [own];
}
