import { EventEmitter } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import type { WebSocket } from "ws";
import { closeCodes, limits } from "../../protocol/wire.ts";
import { createLog } from "../log.ts";
import { Connection } from "./connection.ts";

/** Stands in for a socket whose reader reads when it is told to. */
class Reader extends EventEmitter {
  bufferedAmount = 0;
  frames = 0;
  closedWith: number | undefined;
  send(text: string) { this.bufferedAmount += Buffer.byteLength(text); this.frames++; }
  close(code: number) { this.closedWith = code; this.emit("close", code); }
  terminate() {}
  ping() {}
  cork() {}
  uncork() {}
}

describe("a connection's queue, with a made reader", () => {
  let connection: Connection;
  const open = () => {
    const reader = new Reader();
    connection = new Connection(reader as unknown as WebSocket, reader, "127.0.0.1", async () => ({}), createLog("error"));
    return reader;
  };
  afterEach(() => connection.close(1000, "over"));
  const event = { text: "x".repeat(limits.messageCharacters * 3) };

  it("is cut off at its bound", () => {
    const reader = open();
    for (let n = 0; n < 1_000 && !reader.closedWith; n++) connection.send(event.text);
    expect(reader.closedWith).toBe(closeCodes.slowReader);
    expect(reader.bufferedAmount).toBeLessThan(1.1 * (1 << 20));
  });

  it("takes everything that was missed, however slowly it is read, and is bounded again after", () => {
    const reader = open();
    connection.sendMissed(Array<string>(limits.replayEvents).fill(event.text));
    connection.send("the answer");
    expect([reader.frames, reader.closedWith]).toEqual([limits.replayEvents + 2, undefined]);
    reader.bufferedAmount = 0;
    for (let n = 0; n < 100 && !reader.closedWith; n++) connection.send(event.text);
    expect(reader.closedWith).toBe(closeCodes.slowReader);
  });
});
