// Bundles the page and the browser library: dist/ is what the application server serves, houseline.js what a CRM embeds.
import { cpSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { writeTypes } from "./types.mjs";

const here = import.meta.dirname;
const dist = join(here, "dist");
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });

/**
 * `import { z } from "zod"` names an object with everything in it, error messages in forty languages too: half a megabyte that
 * a page would read on every load. As a namespace of the module the bundler sees what is used.
 */
const leanZod = {
  name: "lean-zod",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]app[\\/](protocol|client)[\\/][^\\/]+\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8").replace('import { z } from "zod";', 'import * as z from "zod";'), loader: "ts",
    }));
    onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({ contents: "export {};", loader: "js" }));
  },
};

const common = {
  bundle: true, format: "esm", target: ["chrome115", "firefox115", "safari16.4"], minify: true, sourcemap: false, legalComments: "none", define: { global: "globalThis" }, logLevel: "warning", plugins: [leanZod],
};
await build({ ...common, entryPoints: [join(here, "softphone.ts")], outfile: join(dist, "softphone.js") });
await build({ ...common, entryPoints: [join(here, "..", "client", "index.ts")], outfile: join(dist, "houseline.js") });
for (const name of ["index.html", "softphone.css", "icon.svg"]) cpSync(join(here, name), join(dist, name));
writeTypes(join(dist, "houseline.d.ts"));
