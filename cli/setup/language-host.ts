import { join } from "node:path";
import { root } from "../paths.ts";
import { goBuild, ownExecutable } from "./go-toolchain.ts";
import { onPath } from "./on-path.ts";
import type { Prerequisite } from "./prerequisite.ts";
import { pulumiCommand } from "./pulumi-tools.ts";

const name = "pulumi-language-nodejs";

/** By what a plain `pulumi up` runs a program in Node. It comes with Pulumi's own CLI; our commands need none, and a closed machine builds an older one. */
export const languageHost: Prerequisite = {
  name: "Pulumi's language host for Node.js (for the tests alone)",
  fromGo: true,
  mend: "./houseline test (builds it from its Go module; it comes with Pulumi's own CLI)",
  async find() {
    // Puts the CLI's folder on PATH, where its own would lie.
    await pulumiCommand().catch(() => undefined);
    return onPath(name);
  },
  get: (consent) => goBuild({ module: join(root, "tools", "pulumi-offline", "language-nodejs"), package: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs", output: ownExecutable(name) },
    consent, "Pulumi's language host for Node.js from its Go module"),
};
