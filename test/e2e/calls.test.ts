import { join, resolve } from "node:path";
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

  it("a microphone that opens slowly: the other side rings meanwhile, hears the voice once it is there, and nothing of it while muted", async () => {
    // Opened once, the browser is known to allow it.
    await connect();
    await anna.button("Hang up").click();
    await Promise.all([anna.idle(), boris.idle()]);
    for (const muted of [false, true]) {
      const open = await anna.holdMicrophone();
      await connect();
      await anna.hears(boris);
      if (muted) await anna.button("Mute").click();
      await boris.hearsNothingOf(anna);
      await open();
      await until("the microphone in the call", () => anna.page.evaluate(() => window.houseline.calls[0]!.connection!.getSenders().some(({ track }) => track?.readyState === "live")));
      if (muted) {
        await boris.hearsNothingOf(anna);
        await anna.button("Unmute").click();
      }
      await boris.hears(anna);
      await anna.button("Hang up").click();
      await Promise.all([anna.idle(), boris.idle()]);
    }
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

  it("a call is transferred: the two others talk, and whoever sent it is free", async () => {
    const clara = await phones.open(deployment.page, 1_100);
    await clara.signIn("clara", await deployment.password());
    await clara.ready();
    await connect();
    await boris.button("Transfer").click();
    await boris.page.getByLabel("Transfer to whom?").getByRole("searchbox").fill("clar");
    await boris.button("Transfer: Clara Dubois").click();
    await clara.page.getByRole("alertdialog").waitFor();
    await clara.button("Answer").click();
    await Promise.all([anna.hears(clara), clara.hears(anna)]);
    await boris.idle();
    await until("the reason", async () => /was transferred/.test(await boris.recent()));
    await Promise.all([anna.inState("answered"), clara.inState("answered")]);
    await clara.button("Hang up").click();
    await Promise.all([anna.idle(), clara.idle()]);
    await clara.page.close();
  });

  it("what somebody says of themselves is seen by others, and favourites come first", async () => {
    await boris.setStatus("Away", "back at three");
    await anna.sees("boris", "away");
    // The choice and the words are two requests: others see the first before the second.
    await until("the words beside the name", async () => (await anna.page.locator('[data-person="boris"]').textContent())?.includes("back at three") === true);
    await boris.setStatus("Available", "");
    await anna.sees("boris", "available");
    await anna.page.locator('[data-person="dmitri"]').hover();
    await anna.button("Make Dmitri Orlov a favourite").click();
    await until("the favourite on top", async () => (await anna.page.locator("[data-person]").first().getAttribute("data-person")) === "dmitri");
    await anna.page.reload();
    await anna.ready();
    expect(await anna.page.locator("[data-person]").first().getAttribute("data-person")).toBe("dmitri");
  });

  it("messages arrive, with marks of delivery and reading, and wait unread", async () => {
    await anna.button("Write to Boris Weber").click();
    await anna.page.getByLabel("Write a message").fill("Are you there?");
    await anna.button("Send").click();
    const sent = anna.page.locator(".log .mine").last();
    await until("delivered", async () => (await sent.getAttribute("data-delivery")) === "delivered");
    await boris.page.getByRole("tab", { name: "Messages, 1 unread" }).click();
    await boris.page.getByRole("button", { name: /^Anna Petrova/ }).click();
    expect(await boris.page.locator(".log .theirs .body").last().textContent()).toBe("Are you there?");
    await until("read", async () => (await sent.getAttribute("data-delivery")) === "read");
    await boris.page.getByLabel("Write a message").fill("<b>Yes</b>");
    await boris.page.getByLabel("Write a message").press("Enter");
    await until("the answer, as text", async () => (await anna.page.locator(".log .theirs .body").last().textContent()) === "<b>Yes</b>");
    for (const phone of [anna, boris]) await phone.page.locator("#tab-people").click();
  });

  it("a missed call is counted on its tab, listed in the history and called back from there", async () => {
    await anna.button("Call Boris Weber").click();
    await boris.button("Answer").waitFor();
    await anna.button("Hang up").click();
    await boris.idle();
    await until("the count", async () => /\d missed/.test(await boris.page.locator("#tab-history").getAttribute("aria-label") ?? ""));
    await boris.page.locator("#tab-history").click();
    const row = boris.page.locator("#history li").first();
    await until("the missed call", async () => /Anna Petrova.*Missed call/.test(await row.textContent() ?? ""));
    await until("no count", async () => (await boris.page.locator("#tab-history").getAttribute("aria-label")) === null);
    await row.getByRole("button", { name: "Call Anna Petrova" }).click();
    await anna.button("Answer").click();
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
    await boris.page.locator("#tab-people").click();
  });

  it("works by keyboard alone", async () => {
    await anna.page.keyboard.press("/");
    await anna.page.keyboard.type("Boris");
    await anna.page.keyboard.press("Enter");
    await boris.button("Answer").waitFor();
    await boris.page.locator("body").press("a");
    await Promise.all([anna.inState("answered"), boris.inState("answered")]);
    await boris.page.locator("body").press("m");
    await anna.hearsNothingOf(boris);
    await boris.page.locator("body").press("h");
    await Promise.all([anna.idle(), boris.idle()]);
  });

  it("speaks Russian to a browser that does", async () => {
    const page = await phones.open(deployment.page, 1_700, { locale: "ru-RU" });
    await page.page.getByRole("button", { name: "Войти" }).waitFor();
    expect(await page.page.locator("html").getAttribute("lang")).toBe("ru");
    await page.page.close();
  });

  it.runIf(process.env.HOUSELINE_SCREENSHOTS)("is photographed for the documentation", async () => {
    await connect();
    const folder = resolve(process.env.HOUSELINE_SCREENSHOTS!);
    await anna.page.setViewportSize({ width: 1280, height: 720 });
    await until("a few seconds on the timer", async () => /^0:0[3-9]$/.test(await anna.page.getByRole("timer").textContent() ?? ""));
    await anna.page.screenshot({ path: join(folder, "softphone.png") });
    await anna.page.setViewportSize({ width: 390, height: 780 });
    await anna.page.screenshot({ path: join(folder, "softphone-phone.png") });
    await anna.page.setViewportSize({ width: 1366, height: 768 });
  });

  it("a wrong password is refused in a sentence, and nothing in the page breaks its security policy", async () => {
    const stranger = await phones.open(deployment.page, 660);
    await stranger.signIn("anna", "not-the-password");
    await until("a refusal", async () => /wrong/.test(await stranger.page.getByRole("alert").first().textContent() ?? ""));
    await stranger.page.close();
    expect([...anna.complaints, ...boris.complaints]).toEqual([]);
  });
});
