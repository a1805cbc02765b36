import { defineConfig } from "vitest/config";

/** Unit tests sit beside what they test; everything that needs Docker or a browser lives under `test/`. */
export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["{app,cli,pulumi,tools}/**/*.test.ts"], testTimeout: 60_000, hookTimeout: 120_000 } },
      { test: { name: "integration", include: ["test/integration/**/*.test.ts"], fileParallelism: false, testTimeout: 180_000, hookTimeout: 600_000 } },
      { test: { name: "e2e", include: ["test/e2e/**/*.test.ts"], fileParallelism: false, testTimeout: 180_000, hookTimeout: 600_000 } },
      { test: { name: "freeswitch", include: ["test/freeswitch/**/*.test.ts"], globalSetup: ["test/freeswitch/deployed.ts"], fileParallelism: false, testTimeout: 180_000, hookTimeout: 600_000 } },
    ],
  },
});
