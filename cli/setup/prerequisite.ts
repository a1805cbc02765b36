import type { Note } from "../terminal.ts";

/** What the person at the keyboard allows. */
export interface Consent {
  /** Packages of this machine may be installed without asking. */
  yes: boolean;
}

/** Something that must be on this machine before Houseline can deploy. */
export interface Prerequisite {
  /** As the doctor lists it. */
  name: string;
  /** What is there (a version and a place), or `undefined` when it is missing or can't be used. Changes nothing. */
  find(): Promise<string | undefined>;
  /** The command that mends it, or what to do. */
  mend: string;
  /** Where it can't be downloaded it is built from its Go module, which takes every core and needs none of the others but such. */
  fromGo?: true;
  /** Gets it. Safe to repeat and to interrupt. */
  get(consent: Consent): Promise<void>;
}

/** A way to get something, tried in order. */
export interface Way { what: string; get(note: Note): Promise<void> }
