import { describe, expect, test } from "vitest";
import type { Ending } from "./end-reason.ts";
import { describeEnd } from "./end-sentence.ts";

const outgoing: Ending = { reason: "hung-up", by: "peer", direction: "outgoing", name: "Boris", answered: false };
const incoming: Ending = { ...outgoing, direction: "incoming" };

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
    [{ ...outgoing, reason: "not-returned", by: "system", answered: true }, "Boris did not come back."],
    [{ ...outgoing, reason: "moved", by: "system", answered: true }, "The call with Boris goes on at another device."],
    [{ ...outgoing, reason: "transferred", by: "me", answered: true }, "The call with Boris was transferred."],
  ])("%o", (ending, words) => expect(describeEnd(ending)).toBe(words));
});

test("the same in Russian, with the name as it is", () => {
  expect(describeEnd({ ...incoming, reason: "cancelled" }, "ru")).toBe("Пропущенный вызов: Boris.");
  expect(describeEnd({ ...outgoing, reason: "busy" }, "ru")).toBe("Boris: занято.");
});
