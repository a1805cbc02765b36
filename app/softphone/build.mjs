// Bundles the page and the browser library: dist/ is what the application server serves, houseline.js what a CRM embeds.
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const here = import.meta.dirname;
const dist = join(here, "dist");
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });

const common = { bundle: true, format: "esm", target: ["chrome115", "firefox115", "safari16.4"], minify: true, sourcemap: false, legalComments: "none", define: { global: "globalThis" }, logLevel: "warning" };
await build({ ...common, entryPoints: [join(here, "softphone.ts")], outfile: join(dist, "softphone.js") });
await build({ ...common, entryPoints: [join(here, "..", "client", "index.ts")], outfile: join(dist, "houseline.js") });
for (const name of ["index.html", "softphone.css", "icon.svg"]) cpSync(join(here, name), join(dist, name));
