import { ApiError, invalid, noContent, ok, type Asked, type Body, type Routes } from "./answer.ts";

export interface Thing { id: number; name: string; labels: Record<string, string>; created: string; protection?: { delete: boolean } }

const defaultPage = 25;
const mostPage = 50;
const label = /^([a-z0-9A-Z]([a-z0-9A-Z._/-]{0,61}[a-z0-9A-Z])?)?$/;

/** Ids of everything are of one count. */
let lastId = 1_000;
export const nextId = () => ++lastId;

/** The things of one kind in a project. Names are unique among them. */
export class Collection<T extends Thing> {
  readonly singular: string;
  readonly plural: string;
  readonly #things = new Map<number, T>();

  constructor(singular: string, plural: string) {
    this.singular = singular;
    this.plural = plural;
  }

  /** @throws ApiError of invalid fields, or of a name that is taken */
  add(body: Body, more: Omit<T, keyof Thing> & Pick<T, "protection">): T {
    const name = nameOf(body);
    this.#requireFree(name);
    const thing = { id: nextId(), name, labels: labelsOf(body), created: now(), ...more } as T;
    this.#things.set(thing.id, thing);
    return thing;
  }

  /** @throws ApiError `not_found` */
  get(id: number): T {
    const thing = this.#things.get(id);
    if (thing === undefined) throw new ApiError("not_found", `${this.singular} with ID '${id}' not found`);
    return thing;
  }

  all(): T[] {
    return [...this.#things.values()];
  }

  named(name: string): T | undefined {
    return this.all().find((thing) => thing.name === name);
  }

  remove({ id }: T): void {
    this.#things.delete(id);
  }

  /** What every kind has: a list, each by its id, its name and labels changed, an end. */
  routes(render: (thing: T) => object, remove: (thing: T) => void | Promise<void> = () => undefined): Routes {
    const { singular, plural } = this;
    return {
      [`GET /${plural}`]: ({ query }) => ok(paged(plural, this.all().filter((thing) => matches(thing, query)).map(render), query)),
      [`GET /${plural}/:id`]: ({ id }) => ok({ [singular]: render(this.get(id)) }),
      [`PUT /${plural}/:id`]: ({ id, body }) => ok({ [singular]: render(this.#change(this.get(id), body)) }),
      [`DELETE /${plural}/:id`]: async ({ id }) => {
        const thing = this.get(id);
        requireUnprotected(thing, this.singular);
        await remove(thing);
        this.remove(thing);
        return noContent;
      },
    };
  }

  #change(thing: T, body: Body): T {
    if (body.name !== undefined && body.name !== thing.name) {
      const name = nameOf(body);
      this.#requireFree(name);
      thing.name = name;
    }
    if (body.labels !== undefined) thing.labels = labelsOf(body);
    return thing;
  }

  #requireFree(name: string): void {
    if (this.named(name)) throw new ApiError("uniqueness_error", `${this.singular} name is already used`, { fields: [{ name: "name" }] });
  }
}

export function requireUnprotected(thing: Thing, kind: string): void {
  if (thing.protection?.delete) throw new ApiError("protected", `${kind} deletion is protected`);
}

/** ISO 8601 with an offset, as the API writes times. */
export const now = () => new Date().toISOString().replace(/\.\d+Z$/, "+00:00");

/** One page of a list, and where in the list it is. */
export function paged(plural: string, list: readonly object[], query: URLSearchParams): object {
  const page = Math.max(1, Number(query.get("page") ?? 1));
  const size = Math.min(mostPage, Math.max(1, Number(query.get("per_page") ?? defaultPage)));
  const last = Math.max(1, Math.ceil(list.length / size));
  return {
    [plural]: list.slice((page - 1) * size, page * size),
    meta: { pagination: { page, per_page: size, previous_page: page > 1 ? page - 1 : null, next_page: page < last ? page + 1 : null, last_page: last, total_entries: list.length } },
  };
}

function matches(thing: Thing, query: URLSearchParams): boolean {
  const name = query.get("name");
  return (name === null || thing.name === name) && selected(thing.labels, query.get("label_selector") ?? "");
}

/** `env=production,!temporary,tier in (a,b)`. (docs.hetzner.cloud, "Label Selector") */
export function selected(labels: Record<string, string>, selector: string): boolean {
  return selector.split(/,(?![^(]*\))/).filter(Boolean).every((term) => {
    const [, key, not, values] = /^\s*(\S+)\s+(not)?in\s*\((.*)\)\s*$/.exec(term) ?? [];
    if (key !== undefined) return values!.split(",").map((value) => value.trim()).includes(labels[key] ?? "") !== (not !== undefined);
    const [, name, operator, value] = /^\s*(!?[^=!\s]+)\s*(?:(==?|!=)\s*(\S*))?\s*$/.exec(term) ?? [];
    if (name === undefined) throw invalid("label_selector", "invalid selector");
    if (operator === undefined) return name.startsWith("!") ? !(name.slice(1) in labels) : name in labels;
    return (labels[name] === value) === (operator !== "!=");
  });
}

function nameOf({ name }: Body): string {
  if (typeof name !== "string" || name === "" || name.length > 128) throw invalid("name", "must be 1 to 128 characters");
  return name;
}

function labelsOf({ labels = {} }: Body): Record<string, string> {
  for (const entry of Object.entries((labels ?? {}) as Record<string, unknown>)) {
    if (!entry.every((part) => typeof part === "string" && label.test(part))) throw invalid("labels", `invalid label '${entry.join("=")}'`);
  }
  return { ...(labels as Record<string, string>) };
}

export const numberOf = ({ body }: Asked, field: string): number => {
  const value = body[field];
  if (!Number.isSafeInteger(value)) throw invalid(field, "must be a number");
  return value as number;
};
