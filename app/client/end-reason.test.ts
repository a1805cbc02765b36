import { describe, expect, test } from "vitest";
import { describeEnd, isMissed, reasonFromSip } from "./end-reason.ts";
import type { Ending } from "./end-reason.ts";

const outgoing: Ending = { reason: "hung-up", by: "peer", direction: "outgoing", name: "Boris", answered: false };
const incoming: Ending = { ...outgoing, direction: "incoming" };

describe("the reason that SIP gives", () => {
  test.each([
    [{ cause: "Rejected", status: 603 }, "declined"],
    [{ cause: "Busy", status: 486, reasonHeader: 'Q.850;cause=17;text="USER_BUSY"' }, "busy"],
    [{ cause: "Unavailable", status: 480, reasonHeader: 'SIP;cause=806;text="USER_NOT_REGISTERED"' }, "offline"],
    [{ cause: "Unavailable", status: 480, reasonHeader: 'Q.850;cause=19;text="NO_ANSWER"' }, "no-answer"],
    [{ cause: "Unavailable", status: 480, reasonHeader: 'SIP;cause=480;text="DO_NOT_DISTURB"' }, "do-not-disturb"],
    [{ cause: "Not Found", status: 404 }, "unknown-person"],
    [{ cause: "SIP Failure Code", status: 503 }, "refused"],
    [{ cause: "Rejected", status: 403 }, "refused"],
    [{ cause: "Terminated", reasonHeader: 'Q.850;cause=16;text="NORMAL_CLEARING"' }, "hung-up"],
    [{ cause: "Canceled" }, "cancelled"],
    [{ cause: "Canceled", reasonHeader: 'SIP;cause=200;text="Call completed elsewhere"' }, "answered-elsewhere"],
    [{ cause: "User Denied Media Access" }, "no-microphone"],
    [{ cause: "RTP Timeout" }, "connection-lost"],
    [{ cause: "WebRTC Error" }, "failed"],
  ])("%o is %s", (end, reason) => expect(reasonFromSip(end)).toBe(reason));
});

describe("in words", () => {
  test.each<[Ending, string]>([
    [{ ...outgoing, reason: "declined" }, "Boris declined the call."],
    [{ ...outgoing, reason: "busy" }, "Boris is busy."],
    [{ ...outgoing, reason: "no-answer" }, "Boris did not answer."],
    [{ ...outgoing, reason: "cancelled", by: "me" }, "You cancelled the call to Boris."],
    [{ ...outgoing, reason: "offline" }, "Boris is offline."],
    [{ ...outgoing, reason: "unknown-person" }, "Nobody here is called Boris."],
    [{ ...outgoing, reason: "do-not-disturb" }, "Boris does not want to be disturbed."],
    [{ ...outgoing, answered: true }, "Boris hung up."],
    [{ ...incoming, reason: "cancelled" }, "Missed call from Boris."],
    [{ ...incoming, reason: "no-answer", by: "system" }, "Missed call from Boris."],
    [{ ...incoming, reason: "declined", by: "me" }, "You declined the call from Boris."],
    [{ ...incoming, reason: "hung-up", by: "me", answered: true }, "You hung up. Call with Boris ended."],
    [{ ...incoming, reason: "answered-elsewhere" }, "The call from Boris was answered on another device."],
    [{ ...incoming, reason: "connection-lost", answered: true }, "The connection to Boris was lost."],
  ])("%o", (ending, words) => expect(describeEnd(ending)).toBe(words));
});

test("missed is a call that rang here and that nobody here decided about", () => {
  expect(isMissed({ ...incoming, reason: "cancelled" })).toBe(true);
  expect(isMissed({ ...incoming, reason: "do-not-disturb", by: "system" })).toBe(true);
  expect(isMissed({ ...incoming, reason: "declined", by: "me" })).toBe(false);
  expect(isMissed({ ...incoming, reason: "answered-elsewhere" })).toBe(false);
  expect(isMissed({ ...incoming, answered: true })).toBe(false);
  expect(isMissed({ ...outgoing, reason: "no-answer" })).toBe(false);
});
