import type { Conversation, Houseline, ThreadMessage } from "../client/index.ts";
import { button, byId, element, iconButton, portrait, redraw } from "./element.ts";
import { announce, attempt } from "./notices.ts";
import { moment } from "./say.ts";
import { locale, words } from "./words.ts";

const marks: Record<ThreadMessage["state"], string> = { sending: "…", failed: "!", sent: "✓", delivered: "✓✓", read: "✓✓" };
const longest = 4_000;

/** Conversations, and the thread with one person. */
export class MessagesView {
  readonly #phone: Houseline;
  readonly #place = byId("panel-messages");
  readonly #list = element("ul", { "class": "rows" });
  readonly #empty = element("p", { "class": "quiet hint" }, words.noConversations);
  readonly #thread = element("div", { "class": "thread" });
  readonly #title = element("b");
  readonly #log = element("ol", { "class": "log", "role": "log", "aria-live": "polite" });
  readonly #input = element("textarea", { "rows": 1, "maxlength": longest, "aria-label": words.writeHere, "placeholder": words.writeHere });
  #with: string | undefined;

  constructor(phone: Houseline, call: (user: string) => void) {
    this.#phone = phone;
    const write = element("form", { "class": "write", submit: (event) => { event.preventDefault(); this.#send(); } }, this.#input, element("button", { type: "submit", class: "primary" }, words.send));
    this.#input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#send();
    });
    this.#thread.append(element("header", { "class": "thread-bar" }, iconButton("back", words.back, () => this.close()), this.#title,
      iconButton("call", words.call, () => { if (this.#with) call(this.#with); }, { "class": "icon-button go" })), this.#log, write);
    this.#place.append(this.#list, this.#empty, this.#thread);
    phone.messages.on("conversations", () => this.#showList());
    phone.messages.on("thread", (user) => { if (user === this.#with) this.#showThread(); });
    document.addEventListener("visibilitychange", () => this.#seen());
    this.#showList();
  }

  get with(): string | undefined {
    return this.#with;
  }

  open(user: string): void {
    this.#with = user;
    this.#title.textContent = this.#phone.directory.nameOf(user);
    this.#log.setAttribute("aria-label", this.#title.textContent);
    this.#showList();
    this.#showThread();
    attempt(() => this.#phone.messages.open(user));
    this.#input.focus();
  }

  close(): void {
    const user = this.#with;
    this.#with = undefined;
    this.#showList();
    if (user) this.#list.querySelector<HTMLElement>(`[data-conversation="${user}"] button`)?.focus();
  }

  /** The tab came into sight. */
  shown(): void {
    if (this.#with) this.#showThread();
  }

  #send(): void {
    const body = this.#input.value.trim();
    const to = this.#with;
    if (body === "" || !to) return;
    this.#input.value = "";
    attempt(() => this.#phone.messages.send(to, body));
  }

  #showList(): void {
    const open = this.#with !== undefined;
    const { conversations } = this.#phone.messages;
    this.#list.hidden = open;
    this.#thread.hidden = !open;
    this.#empty.hidden = open || conversations.length > 0;
    redraw(this.#list, ...conversations.map((conversation) => this.#row(conversation)));
  }

  #row({ with: user, last, unread }: Conversation): HTMLLIElement {
    const name = this.#phone.directory.nameOf(user);
    const body = last.from === user ? last.body : `${words.you}: ${last.body}`;
    return element("li", { "class": unread > 0 ? "unread" : "", "data-conversation": user, "data-presence": this.#phone.person(user)?.presence ?? "offline" },
      element("button", { "type": "button", "class": "row whole", "aria-label": `${name}. ${unread > 0 ? `${words.unreadCount(unread)}. ` : ""}${body}`, "data-focus": user, "click": () => this.open(user) },
        portrait(name), element("span", { "class": "who" }, element("b", {}, name), element("span", {}, body)),
        element("span", { "class": "aside" }, element("time", { datetime: new Date(last.sentAt).toISOString() }, moment(last.sentAt, Date.now(), locale)),
          unread > 0 ? element("span", { "class": "badge" }, String(unread)) : element("span", { "class": "mark", "data-delivery": last.state }, last.from === user ? "" : marks[last.state]))));
  }

  #showThread(): void {
    const user = this.#with;
    if (!user) return;
    const messages = this.#phone.messages.thread(user);
    const atEnd = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < 60;
    const older = this.#phone.messages.isComplete(user) || messages.length === 0 ? [] : [element("li", { "class": "older" }, button(words.older, () => attempt(() => this.#phone.messages.older(user))))];
    const empty = messages.length === 0 ? [element("li", { "class": "quiet hint" }, words.noThread)] : [];
    redraw(this.#log, ...older, ...empty, ...messages.map((message) => this.#message(message, user)));
    if (atEnd) this.#log.scrollTop = this.#log.scrollHeight;
    this.#seen();
  }

  #message(message: ThreadMessage, user: string): HTMLLIElement {
    const mine = message.from !== user;
    const again = message.state === "failed" ? [button(words.sendAgain, () => attempt(() => this.#phone.messages.resend(user, message.key)), { class: "plain" })] : [];
    return element("li", { "class": mine ? "mine" : "theirs", "data-delivery": message.state },
      element("p", { "class": "body" }, message.body),
      element("p", { "class": "about" }, element("time", { datetime: new Date(message.sentAt).toISOString() }, moment(message.sentAt, Date.now(), locale)),
        ...(mine ? [element("span", { "class": "mark", "title": words.delivery[message.state] }, element("span", { "aria-hidden": "true" }, marks[message.state]), element("span", { "class": "hidden" }, words.delivery[message.state]))] : []), ...again));
  }

  /** Read is what is in sight. */
  #seen(): void {
    if (!this.#with || document.visibilityState !== "visible" || this.#place.hidden) return;
    this.#phone.messages.markRead(this.#with).catch(() => {});
  }

  /** Somebody wrote, and this thread is not in sight. */
  tell(from: string, body: string): void {
    announce(words.messageFrom(this.#phone.directory.nameOf(from), body));
  }
}
