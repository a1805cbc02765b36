import type { Availability, EndReason, HistoryEntry, Message, Permission, Profile, Role } from "../../protocol/wire.ts";

/** Rows as the store gives them. Times are milliseconds since the epoch. */

export interface PersonRow {
  user: string;
  name: string;
  extension: string;
  /** Empty: nobody signs in by password. */
  password: string;
  role: Role;
  language: Profile["language"];
  voicemail: boolean;
  availability: Availability;
  text: string;
  historySeenAt: number;
}
export type NewPerson = Pick<PersonRow, "user" | "name" | "extension" | "password"> & Partial<Pick<PersonRow, "role">>;

export interface SessionRow {
  id: string;
  user: string;
  tokenHash: string;
  sipUser: string;
  /** What the device is called. */
  name: string;
  /** Id of the API token by which it was begun. */
  apiToken: string | null;
  /** The server that has it, or had it last. */
  home: string;
  connected: boolean;
  createdAt: number;
  /** Once its socket is gone: until when its person still counts as online, and until when it may be taken up again. */
  onlineUntil: number;
  expiresAt: number;
}

export interface TokenRow { id: string; name: string; hash: string; scopes: Permission[]; user: string | null; createdAt: number; lastUsedAt: number | null; expiresAt: number | null }

export interface RoomRow { name: string; title: string; number: string | null; pin: string; moderators: string[] }

/** One person's side of a call that is over. */
export interface HistoryRow extends HistoryEntry { user: string }

export type MessageRow = Message;
export type { EndReason };
