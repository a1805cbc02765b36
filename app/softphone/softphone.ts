import { Houseline, type ControlState, type EndedCall, type MediaState, type PhoneCall } from "../client/index.ts";
import { atMostEvery } from "./at-most.ts";
import { CallPanel } from "./call-panel.ts";
import { byId, element, iconButton } from "./element.ts";
import { showElsewhere } from "./elsewhere.ts";
import { HistoryView } from "./history-view.ts";
import { listenToKeys, showKeys } from "./keys.ts";
import { MeMenu } from "./me-menu.ts";
import { MessagesView } from "./messages-view.ts";
import { allowNotifications, announce, attempt, notifyDesktop } from "./notices.ts";
import { PeopleList } from "./people-list.ts";
import { RoomsView } from "./rooms-view.ts";
import { clock, moment, nameOf } from "./say.ts";
import { Settings } from "./settings.ts";
import { SuperviseView } from "./supervise-view.ts";
import { Tabs } from "./tabs.ts";
import { language, locale, translate, words } from "./words.ts";

declare global {
  interface Window {
    /** The telephone of this page, for those who embed it and for tests. */
    houseline: Houseline;
  }
}

const mostRecent = 4;
translate(document);
showKeys();
const phone = new Houseline({ application: "Softphone", language });
window.houseline = phone;

const panels = new Map<PhoneCall, CallPanel>();
const recent = new Map<string, HTMLLIElement>();
const address = byId<HTMLInputElement>("address");
const write = (user: string) => {
  tabs.show("messages");
  messages.open(user);
};
const people = new PeopleList(phone, { call: dial, write });
const messages = new MessagesView(phone, dial);
const history = new HistoryView(phone, { call: dial, write });
const rooms = new RoomsView(phone, dial);
const supervise = new SuperviseView(phone);
const settings = new Settings(phone);
const me = new MeMenu(phone, { settings: () => void settings.open(), signOut: () => void signOut() });
const tabs = new Tabs((tab) => {
  if (tab === "history") history.shown();
  if (tab === "messages") messages.shown();
  if (tab === "supervise") void supervise.shown();
});

function dial(to: string): void {
  const error = byId("dial-error");
  error.textContent = "";
  try {
    phone.call(to);
    address.value = "";
    people.filter("");
  } catch (reason) {
    tabs.show("people");
    error.textContent = (reason as Error).message;
  }
}

async function signOut(): Promise<void> {
  await phone.logout();
  messages.close();
  settings.close();
  byId("recent").replaceChildren();
  recent.clear();
  byId("recent-card").hidden = true;
  tabs.show("people");
  showPage();
}

function showPage(): void {
  const signedIn = phone.me !== undefined;
  byId("sign-in").hidden = signedIn || phone.state === "connecting";
  byId("phone").hidden = !signedIn;
  if (!signedIn && phone.state === "signed-out" && document.activeElement === document.body) byId("user").focus();
}

function showPeople(): void {
  me.show();
  people.show(phone.people);
  tabs.allow("supervise", phone.directory.may("supervise.see"));
  tabs.count("history", tabs.current === "history" ? 0 : phone.directory.profile?.missedCalls ?? 0, words.missedCount);
  for (const panel of panels.values()) panel.update();
  rooms.show();
  showPage();
  showTitle();
}

/** Milliseconds between two drawings of who is reachable. */
const peopleMs = 150;

function showUnread(): void {
  tabs.count("messages", phone.messages.unread, words.unreadCount);
  showTitle();
}

const bannerOf: Partial<Record<ControlState, string>> = { connecting: words.connecting, reconnecting: words.reconnecting };
const mediaWords: Partial<Record<MediaState, string>> = { none: words.mediaNone, connecting: words.mediaConnecting, disconnected: words.mediaLost, refused: words.mediaRefused };

/** A change that is over in a moment, such as a new release's, is not worth a banner. */
const bannerAfterMs = 700;
let bannerTimer: ReturnType<typeof setTimeout> | undefined;

function showConnection(): void {
  const text = phone.state === "signed-out" ? "" : bannerOf[phone.state] ?? mediaWords[phone.media] ?? "";
  const banner = byId("banner");
  clearTimeout(bannerTimer);
  if (text === "") banner.hidden = true;
  else bannerTimer = setTimeout(() => {
    banner.textContent = text;
    banner.hidden = false;
  }, bannerAfterMs);
  byId("lab").hidden = phone.switchKind !== "lab-switch";
  document.body.dataset.media = phone.media;
  document.body.dataset.control = phone.state;
}

function showCall(call: PhoneCall): void {
  let panel = panels.get(call);
  if (call.state === "ended") {
    panel?.element.remove();
    panels.delete(call);
  } else if (panel) panel.update();
  else {
    panel = new CallPanel(phone, call);
    panels.set(call, panel);
    byId("calls").prepend(panel.element);
    announce(call.direction === "incoming" && call.state === "ringing" ? words.isCallingYou(call.peer.name) : words.callingName(call.peer.name), true);
  }
  if (call.state === "answered") announce(words.callWith(nameOf(call)));
  if (call.state === "rescuing") announce(words.stateReconnecting);
  byId("idle").hidden = panels.size > 0;
  document.body.classList.toggle("in-call", panels.size > 0);
  showElsewhere(phone);
  showTitle();
}

function showTitle(): void {
  const calls = [...panels.keys()];
  const ringing = calls.find((call) => call.direction === "incoming" && call.state === "ringing");
  const talking = calls.find(({ state }) => state !== "ringing" && state !== "dialling");
  const news = phone.messages.unread + (phone.directory.profile?.missedCalls ?? 0);
  document.title = ringing ? `☎ ${words.isCalling(ringing.peer.name)}` : talking ? `${nameOf(talking)} · Houseline` : news > 0 && phone.me ? `(${news}) Houseline` : "Houseline";
}

/** Told again when the server knows better why a call ended. */
function showEnded(ended: EndedCall): void {
  announce(ended.reason);
  const { user, name } = ended.peer;
  const at = new Date(ended.startedAt);
  const forget = () => {
    recent.get(ended.key)?.remove();
    recent.delete(ended.key);
    byId("recent-card").hidden = recent.size === 0;
  };
  const row = element("li", { "class": ended.missed ? "row missed" : "row", "data-ended": ended.key },
    element("span", { "class": "who" }, element("b", {}, name), element("span", {}, ended.durationMs > 0 ? `${ended.reason} (${clock(ended.durationMs)})` : ended.reason)),
    element("time", { datetime: at.toISOString() }, moment(ended.startedAt, Date.now(), locale)),
    iconButton("call", `${words.callAgain}: ${name}`, () => dial(user), { "class": "icon-button go" }),
    iconButton("close", `${words.dismiss}: ${name}`, forget));
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
  if (ended.missed && !known) notifyDesktop(words.missedFrom(name), { tag: `missed-${ended.key}`, click: () => tabs.show("history") });
  if (tabs.current === "history") history.shown();
}

function notifyIncoming(call: PhoneCall): void {
  const close = notifyDesktop(words.isCalling(call.peer.name), { tag: call.key });
  call.on("changed", () => { if (call.state !== "ringing") close(); });
}

phone.on("state", () => { showPage(); showConnection(); });
phone.on("media", showConnection);
phone.on("people", atMostEvery(peopleMs, showPeople));
phone.on("call", showCall);
phone.on("elsewhere", () => showElsewhere(phone));
phone.on("incoming", notifyIncoming);
phone.on("ended", showEnded);
phone.devices.on("changed", () => { showElsewhere(phone); for (const panel of panels.values()) panel.update(); });
phone.messages.on("conversations", showUnread);
phone.messages.on("received", ({ from, body }) => {
  if (tabs.current === "messages" && messages.with === from && document.visibilityState === "visible") return;
  messages.tell(from, body);
  notifyDesktop(phone.directory.nameOf(from), { tag: `message-${from}`, body, click: () => write(from) });
});
phone.on("lost", (loss) => {
  byId("sign-in-error").textContent = { expired: words.expired, replaced: words.replaced, version: words.newVersion }[loss];
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
    allowNotifications();
  } catch (reason) {
    error.textContent = reason instanceof Error ? reason.message : words.signInFailed;
    password.select();
  } finally {
    button.disabled = false;
    showPage();
  }
});

byId("dial").addEventListener("submit", (event) => {
  event.preventDefault();
  const typed = address.value.trim();
  // As on any telephone: the call button alone calls the last number again.
  if (typed === "") return attempt(() => phone.redial());
  const found = people.filter(typed);
  dial(found.length === 1 ? found[0]!.user : typed);
});
address.addEventListener("input", () => {
  people.filter(address.value);
  byId("dial-error").textContent = "";
});

listenToKeys({
  current: () => {
    const calls = [...panels.keys()];
    return calls.find(({ state, direction }) => state === "ringing" && direction === "incoming") ?? calls.find(({ state }) => state === "answered") ?? calls[0];
  },
  search: () => { tabs.show("people"); address.focus(); },
  transfer: (call) => { if (call.state === "answered" || call.state === "held") panels.get(call)?.openTransfer(); },
  keypad: (call) => { if (call.state === "answered") panels.get(call)?.togglePad(); },
  digit: (call, digit) => {
    const panel = panels.get(call);
    if (!panel?.padIsOpen || call.state !== "answered") return false;
    panel.press(digit);
    return true;
  },
});
document.addEventListener("pointerdown", () => phone.sounds.unlock(), { once: true });
document.addEventListener("visibilitychange", () => { if (tabs.current === "supervise") void supervise.shown(); });

setInterval(() => { for (const panel of panels.values()) panel.tick(); }, 500);

phone.connect();
showPage();
showConnection();
