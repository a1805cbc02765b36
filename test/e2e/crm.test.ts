import { createServer, type Server } from "node:http";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Deployment, root } from "../support/deployment.ts";
import { Phones, type Phone } from "../support/phones.ts";
import { freePorts } from "../support/ports.ts";
import { until } from "../support/until.ts";

describe("the library in a page of another origin", () => {
  let deployment: Deployment;
  let phones: Phones;
  let servers: Server[];
  let port: number;

  beforeAll(async () => {
    const page = await readFile(join(root, "docs/examples/crm.html"));
    port = await freePorts(2);
    servers = [port, port + 1].map((one) => createServer((_, response) => response.writeHead(200, { "content-type": "text/html" }).end(page)).listen(one, "127.0.0.1"));
    deployment = await Deployment.prepare({ origins: `http://localhost:${port}` });
    await deployment.up();
    phones = await Phones.create();
  });
  afterAll(async () => {
    await phones?.close();
    servers?.forEach((server) => server.close());
    await deployment?.remove();
  });

  const address = (port: number) => `http://localhost:${port}/crm.html?phone=${encodeURIComponent(deployment.page.replace(/\/$/, ""))}`;

  it("loads, signs in, and calls from a customer's card; the two hear each other", async () => {
    const password = await deployment.password();
    const boris = await phones.open(deployment.page, 700);
    await boris.signIn("boris", password);
    await boris.ready();
    const crm: Phone = await phones.open(address(port), 440);
    await crm.page.getByPlaceholder("user").fill("anna");
    await crm.page.getByPlaceholder("password").fill(password);
    await crm.button("Sign in").click();
    await until("the registration", async () => /registered/.test(await crm.page.locator("#state").textContent() ?? ""));
    await crm.button("Call 102").click();
    await boris.button("Answer").click();
    await boris.hears(crm);
    await until("the state", async () => (await crm.page.locator("#call span").textContent()) === "answered");
    await boris.button("Hang up").click();
    await until("the reason", async () => (await crm.page.locator("#state").textContent()) === "Boris Weber hung up.");
    expect(crm.complaints).toEqual([]);
  });

  it("an origin that the stack doesn't name can't even load it", async () => {
    const stranger = await phones.open(address(port + 1), 440);
    await until("a complaint", () => stranger.complaints.some((text) => /CORS|dynamically imported module/.test(text)));
    const types = await fetch(`${deployment.page}houseline.d.ts`);
    expect(await types.text()).toContain("export declare class Houseline");
  });
});
