import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../pulumi/process.ts";
import { Failure } from "../failure.ts";
import { root, toolsDirectory } from "../paths.ts";
import { step } from "../terminal.ts";
import { onPath } from "./on-path.ts";
import { installPackages } from "./packages.ts";
import type { Prerequisite } from "./prerequisite.ts";

const downloads = join(toolsDirectory, "browsers");

/** The browser of the end-to-end tests; a deployment needs none. */
export const chromium: Prerequisite = {
  name: "Chromium (for the tests alone)",
  mend: "apt-get install chromium",
  find: async () => findChromium(),
  async get(consent) {
    if (onPath("apt-get")) return installPackages(["chromium"], "Chromium is missing; the end-to-end tests make calls in it.", consent);
    await step("Chromium from Playwright's site", async () => {
      const { code } = await run(join(root, "node_modules", ".bin", "playwright-core"), ["install", "chromium"], { environment: { PLAYWRIGHT_BROWSERS_PATH: downloads }, timeoutSeconds: 900 });
      if (code !== 0) throw new Failure("Chromium is missing and could not be downloaded. Install Chromium by this machine's package manager and run this again.");
    });
  },
};

/** Its executable: `HOUSELINE_CHROMIUM`, one on PATH, or the one that Playwright downloaded. */
export function findChromium(): string | undefined {
  const given = process.env.HOUSELINE_CHROMIUM;
  if (given) return existsSync(given) ? given : undefined;
  return onPath("chromium") ?? onPath("chromium-browser") ?? onPath("google-chrome") ?? downloaded();
}

function downloaded(): string | undefined {
  if (!existsSync(downloads)) return undefined;
  return readdirSync(downloads).map((folder) => join(downloads, folder, "chrome-linux", "chrome")).find((path) => existsSync(path));
}
