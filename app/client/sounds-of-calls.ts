import type { Ending } from "./end-reason.ts";
import type { PhoneCall } from "./phone-call.ts";
import type { Sounds } from "./sounds.ts";

/** The one tone that fits all calls together. */
export function playFor(calls: readonly PhoneCall[], sounds: Sounds): void {
  const talking = calls.some(({ state }) => state === "answered" || state === "held" || state === "rescuing");
  if (calls.some((call) => call.direction === "incoming" && call.state === "ringing" && !call.answering)) sounds.play(talking ? "waiting" : "ring");
  else if (calls.some((call) => call.direction === "outgoing" && call.state === "ringing" && !call.earlyMedia)) sounds.play("ringback");
  else sounds.stop();
}

export function soundOfEnd({ direction, answered, by, reason }: Ending, sounds: Sounds): void {
  if (by === "me" && reason !== "no-microphone") return;
  if (reason === "moved") return;
  if (answered) sounds.play("over");
  else if (direction === "outgoing") sounds.play("busy");
}
