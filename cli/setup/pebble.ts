import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "../paths.ts";
import { goBuild, ownExecutable } from "./go-toolchain.ts";
import { onPath } from "./on-path.ts";
import type { Prerequisite } from "./prerequisite.ts";

const name = "pebble";

/** The ACME server of Let's Encrypt for tests, which the tests of certificates start and throw away. */
export const pebble: Prerequisite = {
  name: "Pebble (for the tests alone)",
  fromGo: true,
  mend: "./houseline test (builds it from its Go module)",
  find: async () => findPebble(),
  get: (consent) => goBuild({ module: join(root, "tools", "pebble"), package: "github.com/letsencrypt/pebble/v2/cmd/pebble", output: ownExecutable(name) }, consent, "Pebble from its Go module"),
};

export function findPebble(): string | undefined {
  return onPath(name) ?? (existsSync(ownExecutable(name)) ? ownExecutable(name) : undefined);
}
