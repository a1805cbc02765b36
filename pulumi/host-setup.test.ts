import { describe, expect, it } from "vitest";
import { run } from "./process.ts";
import { setupFiles, setupScript } from "./host-setup.ts";

describe("the set-up of a host", () => {
  it("restarts neither Docker nor the host by itself", () => {
    const content = (path: string) => setupFiles.find((file) => file.path.includes(path))!.content;
    expect(JSON.parse(content("daemon.json"))).toMatchObject({ "live-restore": true });
    expect(content("apt.conf.d")).toContain('Unattended-Upgrade::Automatic-Reboot "false"');
    expect(content("apt.conf.d")).toContain('"^docker\\\\.io$"; "^docker-cli$"; "^containerd$"; "^runc$";');
    expect(content("needrestart")).toContain("docker|containerd");
  });

  it("is a script that any sh takes, and ends passwords only when it is told to", async () => {
    for (const hardenSsh of [false, true]) {
      const script = setupScript({ hardenSsh });
      expect((await run("sh", ["-n", "-c", script])).stderr).toBe("");
      expect(script.includes("PasswordAuthentication no")).toBe(hardenSsh);
    }
  });
});
