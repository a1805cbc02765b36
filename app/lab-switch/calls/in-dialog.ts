import { header, parseAddress, parseUri, type Header, type SipRequest } from "../sip/message.ts";
import type { ServerTransaction } from "../sip/transactions.ts";
import type { Leg } from "./leg.ts";
import type { Switchboard } from "./switchboard.ts";

const sdp: Header = ["Content-Type", "application/sdp"];
const ignore = () => {};

/** What a device asks within its call: hold, tones, a blind transfer, the end. */
export function handleInDialog(switchboard: Switchboard, leg: Leg, transaction: ServerTransaction): void {
  const { request } = transaction;
  switch (request.method) {
    case "BYE":
      transaction.reply(200);
      return switchboard.hangUp(leg, "NORMAL_CLEARING", false);
    case "INVITE": return reinvite(switchboard, leg, transaction);
    case "INFO": return info(switchboard, leg, transaction);
    case "REFER": return refer(switchboard, leg, transaction);
    case "UPDATE": return request.body === "" ? transaction.reply(200, { headers: [switchboard.contact] }) : transaction.reply(488);
    case "NOTIFY": case "OPTIONS": return transaction.reply(200);
    default: transaction.reply(501, { reason: "Not in the lab switch" });
  }
}

/** A device changes its session: hold, or another network. The peer gets the offer, and its answer goes back. */
function reinvite(switchboard: Switchboard, leg: Leg, transaction: ServerTransaction): void {
  const { body } = transaction.request;
  const { peer } = leg;
  if (!peer || peer.ended || !peer.socket.open || body === "") return transaction.reply(peer ? 488 : 500);
  const contact = header(transaction.request, "Contact");
  if (contact !== undefined) leg.target = parseAddress(contact).uri;
  peer.socket.transactions.request(peer.request("INVITE", body, [switchboard.contact, sdp]), (response) => {
    if (response.status < 200) return;
    if (response.status >= 300) return transaction.reply(response.status === 491 ? 491 : 488);
    peer.socket.transactions.send(peer.acknowledge());
    transaction.reply(200, { body: response.body, headers: [switchboard.contact, sdp] });
    hold(switchboard, leg, /^a=(sendonly|inactive)\r?$/m.test(body));
  });
}

function hold(switchboard: Switchboard, leg: Leg, held: boolean): void {
  if (leg.held === held || leg.ended) return;
  leg.held = held;
  switchboard.tell(held ? "CHANNEL_HOLD" : "CHANNEL_UNHOLD", leg);
}

/** DTMF by INFO goes on to the peer. */
function info(switchboard: Switchboard, leg: Leg, transaction: ServerTransaction): void {
  const { request } = transaction;
  transaction.reply(200);
  const digit = /^Signal\s*=\s*([0-9A-D*#])/im.exec(request.body)?.[1];
  if (digit !== undefined) switchboard.tell("DTMF", leg, { "DTMF-Digit": digit, "DTMF-Source": "ENDPOINT" });
  const type = header(request, "Content-Type");
  if (leg.peer && type !== undefined && request.body.length <= 1_024) leg.peer.socket.transactions.request(leg.peer.request("INFO", request.body, [["Content-Type", type]]), ignore);
}

/** A blind transfer (RFC 3515): the peer is connected with somebody else, and this leg is over. */
function refer(switchboard: Switchboard, leg: Leg, transaction: ServerTransaction): void {
  const to = header(transaction.request, "Refer-To") ?? "";
  if (/[?&]Replaces=/i.test(to)) return transaction.reply(501, { reason: "Attended transfer is not in the lab switch" });
  const user = parseUri(parseAddress(to).uri)?.user;
  if (!user) return transaction.reply(400, { reason: "Bad Refer-To" });
  if (!leg.peer || leg.peer.ended) return transaction.reply(481);
  transaction.reply(202, { headers: [switchboard.contact] });
  leg.socket.transactions.request(done(leg, switchboard.contact), ignore);
  switchboard.transfer(leg.peer, user);
}

/** FreeSWITCH too calls a blind transfer done as soon as it has begun. */
function done(leg: Leg, contact: Header): SipRequest {
  return leg.request("NOTIFY", "SIP/2.0 200 OK\r\n", [
    contact, ["Event", "refer"], ["Subscription-State", "terminated;reason=noresource"], ["Content-Type", "message/sipfrag;version=2.0"],
  ]);
}
