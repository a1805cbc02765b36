import { describe, expect, it } from "vitest";
import { buildArguments } from "./image-build.ts";
import { readSettings, redacted } from "./settings.ts";

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
