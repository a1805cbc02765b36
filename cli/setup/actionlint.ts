import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "../paths.ts";
import { goBuild, ownExecutable } from "./go-toolchain.ts";
import { onPath } from "./on-path.ts";
import type { Prerequisite } from "./prerequisite.ts";

const name = "actionlint";

/** The linter of GitHub's workflows, which knows their expressions and the inputs of the actions that they use. */
export const actionlint: Prerequisite = {
  name: "actionlint (for the tests alone)",
  fromGo: true,
  mend: "./houseline test (builds it from its Go module)",
  find: async () => findActionlint(),
  get: (consent) => goBuild({ module: join(root, "tools", "actionlint"), package: "github.com/rhysd/actionlint/cmd/actionlint", output: ownExecutable(name) }, consent, "actionlint from its Go module"),
};

export function findActionlint(): string | undefined {
  return onPath(name) ?? (existsSync(ownExecutable(name)) ? ownExecutable(name) : undefined);
}
