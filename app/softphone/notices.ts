import { byId } from "./element.ts";

/** Says something to a screen reader: at once when it can't wait (somebody calls), else when it has finished. */
export function announce(text: string, urgent = false): void {
  const place = byId(urgent ? "announcement" : "note");
  if (place.textContent !== text) place.textContent = text;
}

let timer: ReturnType<typeof setTimeout> | undefined;

/** A sentence at the bottom for a few seconds: what could not be done and why, or what was. */
export function toast(text: string): void {
  const place = byId("toast");
  place.textContent = text;
  place.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => { place.hidden = true; }, 6_000);
}

/** Runs what may be refused; the refusal is a sentence for the person. */
export function attempt(run: () => Promise<unknown> | unknown): void {
  Promise.resolve().then(run).catch((error: unknown) => toast(error instanceof Error ? error.message : String(error)));
}

/** A page in the background can't be seen ringing: the desktop tells. Closes with the function that it returns. */
export function notifyDesktop(title: string, options: { tag: string; body?: string; click?: () => void }): () => void {
  if (document.visibilityState === "visible" || !("Notification" in window) || Notification.permission !== "granted") return () => {};
  try {
    const notification = new Notification(title, { tag: options.tag, icon: "icon.svg", ...(options.body === undefined ? {} : { body: options.body.slice(0, 200) }) });
    notification.addEventListener("click", () => {
      window.focus();
      notification.close();
      options.click?.();
    });
    return () => notification.close();
  } catch {
    // Chrome on Android allows notifications to service workers alone.
    return () => {};
  }
}

/** Asked for after a touch of the person's: browsers refuse a page that asks by itself. */
export function allowNotifications(): void {
  if ("Notification" in window && Notification.permission === "default") void Notification.requestPermission();
}
