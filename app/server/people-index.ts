import type { People } from "./people.ts";

/** Finds people by the beginning of any word of their name, user name or extension; accents and capitals make no difference. */
export class PeopleIndex {
  readonly #people: People;
  readonly #words = new Map<string, readonly string[]>();

  constructor(people: People) {
    this.#people = people;
    people.on("profile", (user) => this.#words.delete(user));
    people.on("removed", (user) => this.#words.delete(user));
  }

  /** User names, the best first: whose name begins with the text, then whose other words do. Every word of the text must be found. */
  search(text: string, limit: number): string[] {
    const wanted = wordsOf(text);
    if (wanted.length === 0) return [];
    const found: { user: string; name: string; rank: number }[] = [];
    for (const { user, name } of this.#people.rows()) {
      const words = this.#wordsOf(user);
      if (wanted.every((part) => words.some((word) => word.startsWith(part)))) found.push({ user, name, rank: words[0]!.startsWith(wanted[0]!) ? 0 : 1 });
    }
    return found.sort((a, b) => a.rank - b.rank || a.name.localeCompare(b.name) || a.user.localeCompare(b.user)).slice(0, limit).map(({ user }) => user);
  }

  #wordsOf(user: string): readonly string[] {
    let words = this.#words.get(user);
    if (!words) {
      const row = this.#people.row(user)!;
      this.#words.set(user, words = [...wordsOf(row.name), user, ...user.split(/[._-]/), row.extension]);
    }
    return words;
  }
}

/** Letters without their marks: é is e, and ё is е. */
function wordsOf(text: string): string[] {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().split(/[^\p{L}\p{N}]+/u).filter(Boolean);
}
