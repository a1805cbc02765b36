import { ControlError, Houseline, type ControlState, type EndedCall, type MediaState, type PhoneCall } from "../client/index.ts";
import { CallPanel } from "./call-panel.ts";
import { byId, element } from "./element.ts";
import { PeopleList } from "./people-list.ts";
import { clock, stateWord } from "./words.ts";

declare global {
  interface Window {
    /** The telephone of this page, for those who embed it and for tests. */
    houseline: Houseline;
  }
}

const mostRecent = 30;
const phone = new Houseline();
window.houseline = phone;

const panels = new Map<PhoneCall, CallPanel>();
const recent = new Map<string, HTMLLIElement>();
const people = new PeopleList((user) => dial(user));
const address = byId<HTMLInputElement>("address");
const quiet = byId<HTMLInputElement>("quiet");

function dial(to: string): void {
  const error = byId("dial-error");
  error.textContent = "";
  try {
    phone.call(to);
    address.value = "";
    people.filter("");
  } catch (reason) {
    error.textContent = (reason as Error).message;
  }
}

function showPage(): void {
  const signedIn = phone.me !== undefined;
  byId("sign-in").hidden = signedIn || phone.state === "connecting";
  byId("phone").hidden = !signedIn;
  if (!signedIn && phone.state === "signed-out" && document.activeElement === document.body) byId("user").focus();
}

function showPeople(): void {
  byId("me-name").textContent = phone.me?.name ?? "";
  byId("me-extension").textContent = phone.me?.extension ?? "";
  quiet.checked = phone.doNotDisturb;
  people.show(phone.people);
  showPage();
}

const bannerOf: Partial<Record<ControlState, string>> = {
  connecting: "Connecting to the telephone server …",
  reconnecting: "The connection to the telephone server was lost. Trying again …",
};

const mediaWords: Partial<Record<MediaState, string>> = {
  none: "No switch can be reached at the moment: calls will work again as soon as one answers.",
  connecting: "Connecting to the switch …",
  disconnected: "The connection to the switch was lost. Trying again …",
  refused: "The switch refused this telephone. Sign out and in again.",
};

function showConnection(): void {
  const words = bannerOf[phone.state] ?? (mediaWords[phone.media] ?? "");
  const banner = byId("banner");
  banner.textContent = words;
  banner.hidden = words === "" || phone.state === "signed-out";
  byId("lab").hidden = phone.switchKind !== "lab-switch";
  document.body.dataset.media = phone.media;
}

function showCall(call: PhoneCall): void {
  let panel = panels.get(call);
  if (call.state === "ended") {
    panel?.element.remove();
    panels.delete(call);
  } else if (panel) panel.update();
  else {
    panel = new CallPanel(call);
    panels.set(call, panel);
    byId("calls").prepend(panel.element);
    announce(call.direction === "incoming" ? `${call.peer.name} is calling you.` : `Calling ${call.peer.name}.`);
  }
  if (call.state === "answered") announce(`${call.peer.name}: ${stateWord("answered", call.direction, undefined)}.`);
  byId("idle").hidden = panels.size > 0;
  showTitle();
}

function showTitle(): void {
  const calls = [...panels.keys()];
  const ringing = calls.find((call) => call.direction === "incoming" && call.state === "ringing");
  const talking = calls.find((call) => call.state === "answered" || call.state === "held");
  document.title = ringing ? `☎ ${ringing.peer.name} is calling` : talking ? `${talking.peer.name} · Houseline` : "Houseline";
}

function announce(words: string): void {
  const place = byId("announcement");
  if (place.textContent !== words) place.textContent = words;
}

/** Told again when the server knows better why a call ended. */
function showEnded(ended: EndedCall): void {
  announce(ended.reason);
  const at = new Date(ended.startedAt);
  const row = element("li", { "class": ended.missed ? "missed" : "", "data-ended": ended.key },
    element("b", {}, ended.peer.name),
    element("span", {}, ended.durationMs > 0 ? `${ended.reason} (${clock(ended.durationMs)})` : ended.reason),
    element("time", { datetime: at.toISOString() }, at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })));
  const known = recent.get(ended.key);
  if (known) known.replaceWith(row);
  else byId("recent").prepend(row);
  recent.set(ended.key, row);
  for (const [key, oldest] of recent) {
    if (recent.size <= mostRecent) break;
    oldest.remove();
    recent.delete(key);
  }
  byId("recent-card").hidden = false;
}

/** A page in the background can't be seen ringing. */
function notify(call: PhoneCall): void {
  if (document.visibilityState === "visible" || !("Notification" in window) || Notification.permission !== "granted") return;
  const notification = new Notification(`${call.peer.name} is calling`, { tag: call.key, icon: "icon.svg" });
  notification.addEventListener("click", () => {
    window.focus();
    notification.close();
  });
  call.on("changed", () => { if (call.state !== "ringing") notification.close(); });
}

const lossWords = {
  expired: "Your session has ended. Sign in again.",
  replaced: "This telephone was opened in another tab.",
  version: "A new version is here: reload this page.",
};

phone.on("state", () => { showPage(); showConnection(); });
phone.on("media", showConnection);
phone.on("people", showPeople);
phone.on("call", showCall);
phone.on("incoming", notify);
phone.on("ended", showEnded);
phone.on("lost", (loss) => {
  byId("sign-in-error").textContent = lossWords[loss];
  byId("sign-in").hidden = false;
  byId("phone").hidden = panels.size === 0;
});

byId("sign-in-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  // Browsers let a page ring only after a touch: this is one.
  phone.sounds.unlock();
  const error = byId("sign-in-error");
  const password = byId<HTMLInputElement>("password");
  const button = (event.currentTarget as HTMLFormElement).querySelector("button")!;
  error.textContent = "";
  button.disabled = true;
  try {
    await phone.login(byId<HTMLInputElement>("user").value.trim().toLowerCase(), password.value);
    password.value = "";
    address.focus();
    if ("Notification" in window && Notification.permission === "default") void Notification.requestPermission();
  } catch (reason) {
    error.textContent = reason instanceof ControlError || reason instanceof Error ? reason.message : "Signing in failed. Try again.";
    password.select();
  } finally {
    button.disabled = false;
    showPage();
  }
});

byId("dial").addEventListener("submit", (event) => {
  event.preventDefault();
  const typed = address.value.trim();
  if (typed === "") return;
  const found = people.filter(typed);
  dial(found.length === 1 ? found[0]!.user : typed);
});
address.addEventListener("input", () => {
  people.filter(address.value);
  byId("dial-error").textContent = "";
});

quiet.addEventListener("change", async () => {
  try {
    await phone.setDoNotDisturb(quiet.checked);
  } catch (reason) {
    quiet.checked = phone.doNotDisturb;
    byId("dial-error").textContent = (reason as Error).message;
  }
});
byId("sign-out").addEventListener("click", async () => {
  await phone.logout();
  byId("recent").replaceChildren();
  recent.clear();
  byId("recent-card").hidden = true;
  showPage();
});

/** The call that a key means: the one that rings, or the one that is heard. */
function current(): PhoneCall | undefined {
  const calls = [...panels.keys()];
  return calls.find(({ state, direction }) => state === "ringing" && direction === "incoming") ?? calls.find(({ state }) => state === "answered") ?? calls[0];
}

const keys: Record<string, (call: PhoneCall) => void> = {
  a: (call) => call.answer(), d: (call) => call.decline(), h: (call) => call.hangup(), m: (call) => call.mute(), p: (call) => void call.hold(),
};
document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof HTMLInputElement && event.target.type !== "checkbox";
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.key === "/") {
    event.preventDefault();
    return address.focus();
  }
  const call = current();
  if (call && Object.hasOwn(keys, event.key)) keys[event.key]!(call);
});
document.addEventListener("pointerdown", () => phone.sounds.unlock(), { once: true });

setInterval(() => { for (const panel of panels.values()) panel.tick(); }, 500);

phone.connect();
showPage();
showConnection();
