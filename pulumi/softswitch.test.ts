import { describe, expect, it } from "vitest";
import { readSettings } from "./settings.ts";
import { switchContainer } from "./softswitch.ts";

const plan = (kind: "freeswitch" | "lab-switch") => switchContainer({
  stack: "test", settings: readSettings({}, {}, "nothing"), choice: { kind, why: "" }, host: { privateAddress: "127.0.0.1", publicAddress: "127.0.0.1" },
  images: { sound: "sound:1", switch: `${kind}:1`, edge: "edge:1", secrets: "secrets:1" }, peers: ["10.0.0.2"], directoryUrls: ["http://127.0.0.1:10032/directory"], voicemailDirectory: "/data/voicemail",
});

describe("the container of the switch", () => {
  it("has the host's directory for voicemail when it is FreeSWITCH", () => {
    expect(plan("freeswitch").volumes).toEqual([{ hostPath: "/data/voicemail", containerPath: "/var/lib/houseline/voicemail" }]);
  });

  it("has nothing of the host when it is the lab switch", () => expect(plan("lab-switch").volumes).toEqual([]));
});
