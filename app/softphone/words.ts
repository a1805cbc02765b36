import type { Language } from "../client/index.ts";
import { english } from "./english.ts";
import type { Words } from "./english.ts";
import { russian } from "./russian.ts";

const key = "houseline.language";

/** The browser's language when the page speaks it, unless the person chose another. */
export function chooseLanguage(chosen: string | null, preferred: readonly string[]): Language {
  if (chosen === "en" || chosen === "ru") return chosen;
  const first = preferred.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => tag === "ru" || tag === "en");
  return first === "ru" ? "ru" : "en";
}

function readChosen(): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Kept in this browser; the page is made anew in it. */
export function rememberLanguage(language: Language): void {
  try {
    localStorage.setItem(key, language);
  } catch {
    // Not allowed to store: the browser's own language stays.
  }
}

export const language: Language = chooseLanguage(readChosen(), typeof navigator === "undefined" ? [] : navigator.languages);
export const words: Words = language === "ru" ? russian : english;

/** For times and dates: the browser's own habits, where they are of the same language. */
export const locale: string = typeof navigator !== "undefined" && navigator.language.startsWith(language) ? navigator.language : language;

/** Puts words into the page's own markup: `data-word` is text, `data-label` an accessible name, `data-placeholder` a placeholder. */
export function translate(root: ParentNode): void {
  document.documentElement.lang = language;
  const word = (name: string | undefined) => {
    const found = words[name as keyof Words];
    if (typeof found !== "string") throw new Error(`The page names a word that is not there: ${name}.`);
    return found;
  };
  for (const place of root.querySelectorAll<HTMLElement>("[data-word]")) place.textContent = word(place.dataset.word);
  for (const place of root.querySelectorAll<HTMLElement>("[data-label]")) place.setAttribute("aria-label", word(place.dataset.label));
  for (const place of root.querySelectorAll<HTMLElement>("[data-placeholder]")) place.setAttribute("placeholder", word(place.dataset.placeholder));
}
