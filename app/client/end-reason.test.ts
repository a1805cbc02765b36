import { describe, expect, test } from "vitest";
import { isMissed, reasonFromSip } from "./end-reason.ts";
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
    [{ cause: "Terminated", reasonHeader: 'Q.850;cause=0;text="MEDIA_TIMEOUT"' }, "connection-lost"],
    [{ cause: "WebRTC Error" }, "failed"],
  ])("%o is %s", (end, reason) => expect(reasonFromSip(end)).toBe(reason));
});

test("missed is a call that rang here and that nobody here decided about", () => {
  expect(isMissed({ ...incoming, reason: "cancelled" })).toBe(true);
  expect(isMissed({ ...incoming, reason: "do-not-disturb", by: "system" })).toBe(true);
  expect(isMissed({ ...incoming, reason: "declined", by: "me" })).toBe(false);
  expect(isMissed({ ...incoming, reason: "answered-elsewhere" })).toBe(false);
  expect(isMissed({ ...incoming, answered: true })).toBe(false);
  expect(isMissed({ ...outgoing, reason: "no-answer" })).toBe(false);
});
