import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { TestStack, until } from "./testing/test-stack.ts";

const root = join(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

describe("docs/limits.md", () => {
  let file = "";
  const rows = [...read("docs/limits.md").matchAll(/^\| (`([^`]+)`)? ?\| `(\w+)` \| (\d+) \|/gm)].map(([, , named, name = "", value]) => ({ file: file = named ?? file, name, value: Number(value) }));

  it.each(rows)("$file: $name is $value", ({ file: path, name, value }) => {
    const given = new RegExp(`^(?:export )?(?:const | {2})${name}(?: =|:) ([0-9_* <]+)[;,]$`, "m").exec(read(path))?.[1];
    expect(given, `${name} in ${path}`).toBeDefined();
    expect(given!.replaceAll("_", "").split("*").map((factor) => factor.trim().split("<<").map(Number).reduce((number, shift) => number << shift)).reduce((a, b) => a * b)).toBe(value);
  });

  it("has every bound of the store, the sessions, the web server and what stands beside them", () => {
    const folders = ["app/server", "app/server/store", "app/server/sessions", "app/server/http", "app/server/http/api", "app/server/directory"];
    const bounds = folders.flatMap((folder) => readdirSync(join(root, folder)).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts")).flatMap((name) =>
      [...read(`${folder}/${name}`).matchAll(/^(?:export )?const ((?:most[A-Z]\w*|\w+Ms)) = [0-9]/gm)].map(([, bound]) => `${folder}/${name} ${bound}`)));
    const documented = new Set(rows.map(({ file: path, name }) => `${path} ${name}`));
    expect(bounds.filter((bound) => !documented.has(bound))).toEqual([]);
  });
});

describe("/metrics and docs/alerts.yml", () => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await TestStack.create();
    await stack.start(0);
  });
  afterAll(() => stack?.remove());
  const figures = async () => (await fetch(`${stack.url()}/metrics`)).text();

  it("agree: every figure that a rule looks at is there", async () => {
    const rules = (parse(read("docs/alerts.yml")) as { groups: { rules: { alert: string; expr: string; annotations: { summary: string; description: string } }[] }[] }).groups.flatMap((group) => group.rules);
    const text = await figures();
    expect(rules.length).toBeGreaterThan(5);
    for (const { alert, expr, annotations } of rules) {
      expect(annotations.description, alert).toBeTruthy();
      for (const [name] of expr.matchAll(/\b(houseline|nodejs)_\w+/g)) expect(text, `${alert} looks at ${name}`).toMatch(new RegExp(`^# TYPE ${name.replace(/_(bucket|count|sum)$/, "")} `, "m"));
    }
  });

  it("count what happens: sockets, refused sign-ins, requests, writes and why sockets were closed", async () => {
    const { client } = await stack.signIn("anna");
    await client.ask("login", { user: "boris", password: "wrong" }).catch(() => undefined);
    (await stack.open(0, "no json")).send("ping", {});
    await until(async () => /^houseline_sockets_closed_total\{reason="badFrame"\} 1$/m.test(await figures()));
    const text = await figures();
    for (const line of [/^houseline_sockets 1$/m, /^houseline_sign_in_failures_total\{way="password"\} 1$/m, /^houseline_request_seconds_count\{outcome="answered"\} 1$/m,
      /^houseline_request_seconds_count\{outcome="unauthorized"\} 1$/m, /^houseline_store_seconds_count\{kind="write"\} [1-9]/m, /^houseline_calls 0$/m, /^houseline_calls_by_state\{state="ringing"\} 0$/m]) expect(text).toMatch(line);
    client.socket.close();
  });
});
