import type { Socket } from "node:net";
import modesl from "modesl";

/** What this server uses of modesl 1.2, which has no types of its own. */
export interface EslEvent {
  headers: { name: string; value: unknown }[];
  getBody(): string | undefined;
  getHeader(name: string): string | null | undefined;
}

export interface Connection {
  /** Null once the switch has ended it. */
  socket: Socket | null;
  api(command: string, answer: (event: EslEvent) => void): void;
  sendRecv(command: string, headers: Record<string, string>, answer: (event: EslEvent) => void): void;
  on(event: string, listener: (argument: never) => void): void;
}

export const Connection = (modesl as unknown as { Connection: new (host: string, port: number, password: string) => Connection }).Connection;
