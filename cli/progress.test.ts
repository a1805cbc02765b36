import type { EngineEvent } from "@pulumi/pulumi/automation/index.js";
import { describe, expect, it } from "vitest";
import { Progress } from "./progress.ts";

const metadata = (name: string, op = "delete-replaced", id = `${name} before`) =>
  ({ op, type: "docker:index/container:Container", urn: `urn:pulumi:x::houseline::docker:index/container:Container::${name}`, old: { id } });
const begins = (name: string, id?: string) => ({ resourcePreEvent: { metadata: metadata(name, "delete-replaced", id) } }) as unknown as EngineEvent;
const ends = (name: string) => ({ resOutputsEvent: { metadata: metadata(name) } }) as unknown as EngineEvent;
const comes = (name: string) => [
  { resourcePreEvent: { metadata: metadata(name, "create-replacement") } }, { resOutputsEvent: { metadata: metadata(name, "create-replacement") } },
] as unknown as EngineEvent[];

describe("whether a deployment waits for nothing but drains", () => {
  it("is so while old releases go, the application server's among them", () => {
    const progress = new Progress(() => undefined);
    for (const name of ["freeswitch", "app-server"]) progress.listen(begins(name));
    expect(progress.onlyDraining).toBe(true);
  });

  it("is not before each of them was told to go, which the engine does one by one", () => {
    const progress = new Progress(() => undefined);
    for (const event of ["freeswitch", "app-server", "softswitch-edge", "freeswitch-sound"].flatMap(comes)) progress.listen(event);
    for (const name of ["freeswitch", "softswitch-edge"]) progress.listen(begins(name));
    expect(progress.onlyDraining).toBe(false);
    progress.listen(begins("app-server"));
    // The sounds go after the switch that plays them.
    expect(progress.onlyDraining).toBe(true);
  });

  it("is not while only those were told that an upgrade before this one had left to their drain", () => {
    const progress = new Progress(() => undefined);
    for (const event of ["freeswitch", "app-server"].flatMap(comes)) progress.listen(event);
    for (const name of ["freeswitch", "app-server"]) progress.listen(begins(name, `${name} long ago`));
    expect(progress.onlyDraining).toBe(false);
    for (const name of ["freeswitch", "app-server"]) progress.listen(begins(name));
    expect(progress.onlyDraining).toBe(true);
    progress.listen(ends("app-server"));
    expect([...progress.leaving]).toEqual(["freeswitch long ago", "app-server long ago", "freeswitch before"]);
  });

  it("keeps what was interrupted among those that drain: Docker may not have been asked yet", () => {
    const progress = new Progress(() => undefined);
    progress.listen(begins("app-server"));
    progress.listen({ resOpFailedEvent: { metadata: metadata("app-server") } } as unknown as EngineEvent);
    expect([...progress.leaving]).toEqual(["app-server before"]);
  });

  it("is not, where application servers go one after the other, until the last of them is gone", () => {
    let now = 0;
    const progress = new Progress(() => undefined, true, () => now);
    const look = () => { now += 1_000; return progress.onlyDraining; };
    for (const name of ["freeswitch", "app-server-phone2.example.com"]) progress.listen(begins(name));
    expect(look()).toBe(false);
    progress.listen(ends("app-server-phone2.example.com"));
    // The next begins in a moment.
    expect(progress.onlyDraining).toBe(false);
    progress.listen(begins("app-server"));
    expect(look()).toBe(false);
    progress.listen(ends("app-server"));
    expect(look()).toBe(true);
  });
});
