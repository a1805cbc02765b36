import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Deployment } from "../support/deployment.ts";
import { Phones, type Phone } from "../support/phones.ts";
import { switches } from "../support/switches.ts";
import { until } from "../support/until.ts";

for (const { name, config, role, skip } of switches) describe.skipIf(skip)(`two people in two browsers, on ${name}`, () => {
  let deployment: Deployment;
  let phones: Phones;
  let anna: Phone;
  let boris: Phone;

  beforeAll(async () => {
    deployment = await Deployment.prepare(config);
    const { stdout } = await deployment.up();
    const password = await deployment.password();
    expect(stdout).toContain(deployment.page);
    expect(stdout).toContain(`ws://localhost:${deployment.ports.switchEdge}/sip`);
    expect(stdout).toMatch(new RegExp(`anna +${password}\\n.*boris +${password}`));
    phones = await Phones.create();
    [anna, boris] = await Promise.all([phones.open(deployment.page, 440), phones.open(deployment.page, 880)]) as [Phone, Phone];
    await anna.signIn("anna", password);
    await boris.signIn("boris", password);
    await Promise.all([anna.ready(), boris.ready()]);
  });
  afterAll(async () => {
    await phones?.close();
    await deployment?.remove();
  });
  afterEach(async () => {
    for (const phone of [anna, boris]) await phone?.page.evaluate(() => window.houseline.calls.forEach((call) => call.hangup()));
    await Promise.all([anna?.idle(), boris?.idle()]);
  });

  async function connect(): Promise<void> {
    await anna.button("Call Boris Weber").click();
    await boris.button("Answer").click();
    await Promise.all([anna.inState("answered"), boris.inState("answered")]);
  }

  it("see each other available, and the page says so when the lab switch runs", async () => {
    await anna.sees("boris", "available");
    await boris.sees("anna", "available");
    await anna.sees("clara", "offline");
    expect(await anna.page.getByText("on the lab switch").isVisible()).toBe(role === "lab-switch");
  });

  it("ring, answer and hear each other's tone; both pages and the server agree about the call", async () => {
    await anna.button("Call Boris Weber").click();
    await boris.page.getByRole("alertdialog", { name: "Anna Petrova is calling" }).waitFor();
    expect(await boris.page.title()).toContain("Anna Petrova is calling");
    await anna.sees("boris", "ringing");
    await boris.button("Answer").click();
    const [one, other] = await Promise.all([anna.inState("answered"), boris.inState("answered")]);
    expect(one).toBe(other);
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
    await Promise.all([anna.sees("boris", "in-call"), boris.sees("anna", "in-call")]);
    expect(await deployment.metric("houseline_calls")).toBe(1);
    await until("a running timer", async () => /^0:0[1-9]$/.test(await anna.page.getByRole("timer").textContent() ?? ""));
    await anna.button("Hang up").click();
    await Promise.all([anna.idle(), boris.idle()]);
    await anna.sees("boris", "available");
    expect(await deployment.metric("houseline_calls")).toBe(0);
  });

  it("mute, and put on hold: the other side hears nothing, and then again", async () => {
    await connect();
    await boris.hears(anna);
    await anna.button("Mute").click();
    await boris.hearsNothingOf(anna);
    await anna.button("Unmute").click();
    await boris.hears(anna);
    await anna.button("Hold").click();
    await boris.hearsNothingOf(anna);
    // FreeSWITCH plays music; the one who is held stays in the call.
    if (role === "lab-switch") await boris.inState("held");
    await anna.button("Resume").click();
    await Promise.all([anna.inState("answered"), boris.inState("answered")]);
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
  });

  it("a declined call says so to the caller", async () => {
    await anna.page.getByRole("searchbox").fill("102");
    await anna.page.getByRole("searchbox").press("Enter");
    await boris.button("Decline").click();
    await anna.idle();
    await until("the reason", async () => /declined/i.test(await anna.recent()));
  });

  it("a call that was taken back is a missed one", async () => {
    await anna.button("Call Boris Weber").click();
    await boris.button("Answer").waitFor();
    await anna.button("Hang up").click();
    await boris.idle();
    await until("the missed call", async () => /missed/i.test(await boris.recent()));
  });

  it("a call to somebody who is offline, or wants not to be disturbed, ends with that reason", async () => {
    await anna.button("Call Clara Dubois").click();
    await until("offline", async () => /offline|not signed in|can't be reached/i.test(await anna.recent()));
    await boris.setStatus("Do not disturb");
    await anna.sees("boris", "do-not-disturb");
    await anna.button("Call Boris Weber").click();
    await until("do not disturb", async () => /disturb/i.test(await anna.recent()));
    await boris.setStatus("Available");
    await anna.sees("boris", "available");
  });

  it("a reload of the page keeps the session", async () => {
    await boris.page.reload();
    await boris.ready();
    expect(await anna.presenceOf("boris")).toBe("available");
    await connect();
    await anna.hears(boris);
  });

  it("a wrong password is refused in a sentence, and nothing in the page breaks its security policy", async () => {
    const stranger = await phones.open(deployment.page, 660);
    await stranger.signIn("anna", "not-the-password");
    await until("a refusal", async () => /wrong/.test(await stranger.page.getByRole("alert").first().textContent() ?? ""));
    await stranger.page.close();
    expect([...anna.complaints, ...boris.complaints]).toEqual([]);
  });
});
