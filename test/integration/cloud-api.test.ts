import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { selected } from "../support/hcloud/collection.ts";
import { CloudApi } from "../support/hcloud/api.ts";
import { until } from "../support/until.ts";

const token = "t".repeat(64);

describe("the stand-in of Hetzner Cloud's interface answers as that is documented", () => {
  let api: CloudApi;
  beforeAll(async () => { api = await CloudApi.start(token, "203.0.113"); });
  afterAll(() => api.stop());

  const ask = async (method: string, path: string, body?: object, bearer = token) => {
    const response = await fetch(api.endpoint + path, { method, headers: { authorization: `Bearer ${bearer}` }, ...(body && { body: JSON.stringify(body) }) });
    return { status: response.status, headers: response.headers, body: await response.json().catch(() => undefined) as never };
  };
  const made = async (path: string, word: string, body: object) => (await ask("POST", path, body)).body[word] as { id: number };
  let addresses = 0;
  const server = async (name: string) => {
    const address = (type: "ipv4" | "ipv6") => made("/primary_ips", "primary_ip", { name: `${type}-${++addresses}`, type, location: "fsn1" });
    const [ipv4, ipv6] = [await address("ipv4"), await address("ipv6")];
    return ask("POST", "/servers", { name, server_type: "ccx13", image: "debian-12", location: "fsn1", public_net: { ipv4: ipv4.id, ipv6: ipv6.id } });
  };

  it("without its token, to words that are no JSON, to what isn't there", async () => {
    expect(await ask("GET", "/servers", undefined, "other")).toMatchObject({ status: 401, body: { error: { code: "unauthorized" } } });
    expect(await ask("GET", "/servers/1")).toMatchObject({ status: 404, body: { error: { code: "not_found" } } });
    const torn = await fetch(`${api.endpoint}/networks`, { method: "POST", headers: { authorization: `Bearer ${token}` }, body: "{" });
    expect([torn.status, await torn.json()]).toMatchObject([400, { error: { code: "json_error" } }]);
  });

  it("a server is locked until its action is over, which is told with its progress; names are unique", async () => {
    const release = api.actions.hold("create_server");
    const { body } = await server("one");
    const { action, next_actions: [next], server: { id } } = body as { action: { id: number }; next_actions: [{ id: number }]; server: { id: number } };
    expect(action).toMatchObject({ command: "create_server", status: "running", progress: 0, error: null, finished: null });
    expect(await ask("POST", `/servers/${id}/actions/poweroff`)).toMatchObject({ status: 423, body: { error: { code: "locked" } } });
    expect(await server("one")).toMatchObject({ status: 409, body: { error: { code: "uniqueness_error" } } });
    release();
    await until("both actions", async () => (await ask("GET", `/actions/${next.id}`)).body["action"]["status"] === "success");
    expect((await ask("GET", `/actions?id=${action.id}&id=${next.id}`)).body["actions"]).toMatchObject([{ status: "success", progress: 100 }, { status: "success", progress: 100 }]);
    expect((await ask("GET", "/servers?name=one")).body["servers"]).toMatchObject([{ id, status: "running", locked: false }]);
  });

  it("what is protected is not ended, and what is in use neither", async () => {
    const [{ id }] = (await ask("GET", "/servers?name=one")).body["servers"] as [{ id: number }];
    const { body } = await ask("POST", `/servers/${id}/actions/change_protection`, { delete: true, rebuild: true });
    await until("its protection", async () => (await ask("GET", `/actions/${body["action"]["id"]}`)).body["action"]["status"] === "success");
    expect(await ask("DELETE", `/servers/${id}`)).toMatchObject({ status: 423, body: { error: { code: "protected" } } });
    const [address] = (await ask("GET", "/primary_ips?name=ipv4-1")).body["primary_ips"] as [{ id: number }];
    expect(await ask("DELETE", `/primary_ips/${address.id}`)).toMatchObject({ status: 409, body: { error: { code: "primary_ip_assigned" } } });
  });

  it("lists come by pages, and by labels", async () => {
    for (let number = 0; number < 27; number++) await ask("POST", "/firewalls", { name: `wall-${number}`, labels: { stack: number % 2 ? "odd" : "even" } });
    const page = await ask("GET", "/firewalls?page=2");
    expect(page.body["firewalls"]).toHaveLength(2);
    expect(page.body["meta"]).toEqual({ pagination: { page: 2, per_page: 25, previous_page: 1, next_page: null, last_page: 2, total_entries: 27 } });
    expect((await ask("GET", "/firewalls?label_selector=stack%3Dodd&per_page=50")).body["firewalls"]).toHaveLength(13);
  });

  it.each([["a=1", true], ["a==2", false], ["a!=2", true], ["a,!b", true], ["!a", false], ["a in (1,3)", true], ["a notin (1,3)", false], ["a=1,b=2", false]])("the selector '%s'", (selector, chosen) => {
    expect(selected({ a: "1" }, selector)).toBe(chosen);
  });

  it("requests are limited, and each answer says what is left; what a test orders goes wrong", async () => {
    api.rate.set(2, 0.001);
    const first = await ask("GET", "/locations");
    expect([first.headers.get("RateLimit-Limit"), first.headers.get("RateLimit-Remaining")]).toEqual(["2", "1"]);
    expect(Number(first.headers.get("RateLimit-Reset"))).toBeGreaterThan(Date.now() / 1_000);
    await ask("GET", "/locations");
    expect(await ask("GET", "/locations")).toMatchObject({ status: 429, body: { error: { code: "rate_limit_exceeded" } } });
    api.rate.set(100, 1);
    api.fail(/^GET \/images$/, "bad_gateway");
    api.fail(/^GET \/images$/, "cut before");
    expect((await ask("GET", "/images")).status).toBe(502);
    await expect(ask("GET", "/images")).rejects.toThrow();
    expect((await ask("GET", "/images?name=debian-12&architecture=x86")).body["images"]).toMatchObject([{ name: "debian-12" }]);
  });
});
