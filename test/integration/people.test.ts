import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PostgresCluster } from "../../app/server/testing/postgres-cluster.ts";
import { Deployment } from "../support/deployment.ts";
import { docker } from "../support/docker.ts";
import { freePorts } from "../support/ports.ts";

let stack: Deployment;
beforeAll(async () => {
  stack = await Deployment.prepare();
});
afterAll(() => stack?.remove());

const linesOf = (text: string) => text.trim().split("\n");
const made = (text: string) => /^Password: (\S+)$/m.exec(text)?.[1] ?? "";
const api = (path: string, token: string) => fetch(`${stack.page}api${path}`, { headers: { authorization: `Bearer ${token}` } });

describe("people and tokens of a deployed stack", () => {
  it("are refused with what to do while nothing runs", async () => {
    expect(await stack.administer("user", "list")).toMatchObject({ code: 1, stdout: "", stderr: expect.stringMatching(/^houseline: No application server of the stack '\S+' answers on this machine\. Type /) as string });
    await stack.up();
  });

  it("are added, listed, changed and removed by commands", async () => {
    const added = await stack.administer("user", "add", "erika", "Erika Muster", "--extension", "120", "--role", "supervisor");
    expect(added).toMatchObject({ code: 0, stderr: "" });
    expect(linesOf(added.stdout)[0]).toBe("Erika Muster is there as 'erika', extension 120, supervisor.");
    expect(made(added.stdout)).toHaveLength(16);
    expect((await stack.administer("user", "list")).stdout).toMatch(/^ {2}erika +120 +supervisor +offline +Erika Muster$/m);
    expect((await stack.administer("user", "role", "erika", "member")).stdout).toBe("Erika Muster is member now.\n");
    const changed = await stack.administer("user", "passwd", "erika");
    expect(made(changed.stdout)).not.toBe(made(added.stdout));
    expect(await stack.administer("user", "remove", "erika")).toMatchObject({ code: 1, stderr: "houseline: Nobody can be asked here: add --yes to have it done.\n" });
    expect((await stack.administer("user", "remove", "erika", "--yes")).stdout).toBe("Erika Muster was removed.\n");
    expect(await stack.administer("user", "passwd", "erika")).toMatchObject({ code: 1, stderr: "houseline: There is nobody called 'erika'.\n" });
  });

  it("give a server a token that works through the edge until it is revoked", async () => {
    const added = await stack.administer("token", "add", "crm", "--scopes", "supervise.see,calls");
    const token = linesOf(added.stdout)[1]!;
    expect((await api("/calls", token)).status).toBe(200);
    expect((await api("/people", token)).status).toBe(403);
    const listed = await stack.administer("token", "list");
    expect(listed.stdout).toMatch(/^ {2}crm +a server +used \d{4}-\d\d-\d\d +supervise\.see,calls$/m);
    expect(listed.stdout).not.toContain(token);
    expect((await stack.administer("token", "revoke", "crm")).code).toBe(0);
    expect((await api("/calls", token)).status).toBe(401);
    expect(await stack.administer("token", "add", "x", "--scopes", "fly")).toMatchObject({ code: 1, stderr: expect.stringMatching(/^houseline: In the body, 'scopes\.0' is not as it must be/) as string });
  });
});

describe("a stack on PostgreSQL", () => {
  it("keeps its people there, and the database's password to itself", async () => {
    const cluster = await PostgresCluster.start(await freePorts(1));
    const other = await Deployment.prepare({ secrets: { databaseUrl: cluster.createDatabase() } });
    try {
      const { stdout, stderr } = await other.up();
      expect((await other.administer("user", "add", "erika", "Erika Muster")).code).toBe(0);
      expect(cluster.sql("test1", "SELECT tenant, user_name, extension FROM accounts WHERE user_name = 'erika'")).toMatch(/^houseline\.internal\|erika\|\d+$/);
      const described = await docker("inspect", ...(await other.containers()).map(({ id }) => id));
      for (const text of [stdout, stderr, described]) expect(text).not.toContain("a-secret-of-the-database");
    } finally {
      await other.remove();
      await cluster.remove();
    }
  });
});
