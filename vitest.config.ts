import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { InOrder } from "./test/support/in-order.ts";

/** Bounds of what hangs, not of what is slow. */
const withDocker = { testTimeout: 180_000, hookTimeout: 600_000 };
/** One file at a time: two stacks that start at once want more than two cores have, and each then takes twice as long. */
const oneByOne = { ...withDocker, fileParallelism: false, globalSetup: ["test/support/built-images.ts"] };

/** Unit tests sit beside what they test; everything that needs Docker or a browser lives under `test/`. */
export default defineConfig({
  test: {
    sequence: { sequencer: InOrder },
    projects: [
      // By itself vitest leaves one core to others: of two that is half the machine.
      { test: { name: "unit", include: ["{app,cli,pulumi,tools}/**/*.test.ts"], maxWorkers: Math.max(2, availableParallelism() - 1), testTimeout: 60_000, hookTimeout: 120_000 } },
      { test: { name: "integration", include: ["test/integration/**/*.test.ts"], ...oneByOne } },
      { test: { name: "e2e", include: ["test/e2e/**/*.test.ts"], ...oneByOne } },
      { test: { name: "long", include: ["test/long/**/*.test.ts"], ...oneByOne, testTimeout: 300_000 } },
      // Without FreeSWITCH nearly all of it is skipped: one process reads every file, and what they have in common once.
      { test: { name: "freeswitch", include: ["test/freeswitch/**/*.test.ts"], globalSetup: ["test/freeswitch/deployed.ts"], fileParallelism: false, isolate: Boolean(process.env.HOUSELINE_FREESWITCH_APT), ...withDocker } },
    ],
  },
});
