import { describe, expect, it } from "vitest";
import { buildArguments } from "./image-build.ts";
import { readSettings, recalled, redacted, type Settings } from "./settings.ts";

const secret = "Zx7-of-the-package-source";

describe("the source of FreeSWITCH's packages", () => {
  it.each([`deb https://reader:${secret}@apt.example.com bookworm main`, `deb [arch=amd64] http://reader@apt.example.com bookworm main`])("is refused with user or password in its address", (apt) => {
    const refused = () => readSettings({ freeswitch: { apt } }, {}, "Pulumi.local.yaml");
    expect(refused).toThrow(/^(?!.*(Zx7|reader))/s);
    expect(refused).toThrow("without user and password in its address: give those as 'houseline:freeswitch.aptCredentials', where no image keeps them");
  });

  it("keeps its credentials out of what is shown, and out of the words of a build", () => {
    const settings = readSettings({ freeswitch: { apt: "deb https://apt.example.com bookworm main", aptCredentials: `machine apt.example.com login reader password ${secret}`, token: secret } }, {}, "x");
    expect(JSON.stringify(redacted(settings))).not.toContain(secret);
    const words = buildArguments({ name: "freeswitch", buildArgs: { FREESWITCH_APT_SOURCE: settings.freeswitch.apt! } }, "houseline/freeswitch:1", { secret: "/tmp/auth.conf" });
    expect(words).toContain("id=apt-auth,src=/tmp/auth.conf");
    expect(words.join(" ")).not.toContain(secret);
  });
});

describe("settings of a release that is gone back to", () => {
  const read = (config: Record<string, unknown>) => readSettings(config, {}, "x");
  const today = read({ domain: "new.example.com", signIn: { jwtSecret: "today's-secret-that-signs-tokens-00" }, freeswitch: { token: "a-token-of-today" }, secrets: { eslPassword: "esl-of-today" } });

  it("have today's secrets, all of them, and never the word that stood in their place", () => {
    const recorded = redacted(read({ domain: "old.example.com", signIn: { jwtSecret: "yesterday's-secret-that-signs-tokens" }, secrets: { eslPassword: "esl-of-yesterday", adminToken: `hl_${"a".repeat(43)}` } }));
    const settings = recalled(recorded, today, "The release of yesterday");
    expect(settings).toMatchObject({ domain: "old.example.com", signIn: { jwtSecret: today.signIn.jwtSecret }, freeswitch: { token: "a-token-of-today" }, secrets: { eslPassword: "esl-of-today" } });
    expect(JSON.stringify(settings)).not.toMatch(/REDACTED|yesterday/);
  });

  it("have the defaults of what the code that recorded them didn't know, and are refused with what this code doesn't know", () => {
    const { drainSeconds, ...older } = redacted(today);
    expect(recalled(older as Settings, today, "x").drainSeconds).toBe(drainSeconds);
    expect(() => recalled({ ...today, goneKey: 1 } as Settings, today, "The release of yesterday")).toThrow(/^The release of yesterday was recorded with a configuration that this code doesn't take .*Nothing was changed\.$/);
  });
});
