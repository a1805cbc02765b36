import type { RTCSession } from "jssip/lib/RTCSession.js";

/**
 * Lets the other side hear its music when the switch puts this leg on hold. FreeSWITCH (1.10.7 and later, issue 1476) takes the
 * "recvonly" with which a called device answers such an offer (RFC 3264, 6.1) for the direction of the *caller's* leg, and sends the
 * caller nothing more. So the answer on the wire says "sendrecv": the browser itself still sends nothing, and takes the hold
 * back with the next offer.
 */
export function answerHoldsOpenly(session: RTCSession): void {
  session.on("sdp", (event) => {
    if (String(event.originator) === "local" && event.type === "answer") event.sdp = openly(event.sdp);
  });
}

/** An answer (SDP, RFC 8866) without "recvonly". */
export const openly = (sdp: string): string => sdp.replace(/^a=recvonly(?=\r?$)/gm, "a=sendrecv");
