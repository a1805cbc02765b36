import { EventEmitter } from "node:events";
import type { RTCSession } from "jssip/lib/RTCSession.js";
import { expect, test } from "vitest";
import { answerHoldsOpenly } from "./hold-answer.ts";

const sdp = (direction: string) => `v=0\r\ns=-\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=${direction}\r\na=rtcp-mux\r\n`;

function sent(event: { originator: string; type: string; sdp: string }): string {
  const session = new EventEmitter();
  answerHoldsOpenly(session as unknown as RTCSession);
  session.emit("sdp", event);
  return event.sdp;
}

test("this side's answer to a hold does not say that it only receives", () => {
  expect(sent({ originator: "local", type: "answer", sdp: sdp("recvonly") })).toBe(sdp("sendrecv"));
});

test("a hold of both sides, this side's own hold, and what the switch says stay as they are", () => {
  expect(sent({ originator: "local", type: "answer", sdp: sdp("inactive") })).toBe(sdp("inactive"));
  expect(sent({ originator: "local", type: "offer", sdp: sdp("recvonly") })).toBe(sdp("recvonly"));
  expect(sent({ originator: "remote", type: "answer", sdp: sdp("recvonly") })).toBe(sdp("recvonly"));
});
