import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { events, requests } from "../app/protocol/wire.ts";
import { files } from "./protocol-reference.ts";

it.each(Object.entries(files))("%s is what the schemas say: write it anew by 'node tools/protocol-reference.ts'", (file, make) => {
  expect(readFileSync(join(import.meta.dirname, "..", file), "utf8")).toBe(make());
});

it("every request and event has a sentence that says what it does", () => {
  const page = files["docs/protocol.md"]();
  for (const name of [...Object.keys(requests), ...Object.keys(events)]) expect(page, name).toMatch(new RegExp(`### \`${name}\`\\n\\n[A-Z]`));
});
