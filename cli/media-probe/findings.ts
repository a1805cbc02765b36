import { rtpPorts, slots } from "../../pulumi/port-ranges.ts";
import type { Finding } from "../../pulumi/host-findings.ts";
import type { PortOutcome } from "./probe.ts";

/** Above this share of lost packets voices break up. */
const audibleLoss = 0.02;

/**
 * What a probe of media tells, and what to open where.
 *
 * @param address that browsers send media to
 * @param setting which gives it, as the configuration names it
 */
export function mediaFindings(outcomes: readonly PortOutcome[], { address, firstPort, setting }: { address: string; firstPort: number; setting: string }): Finding[] {
  const range = `UDP ${firstPort}-${firstPort + slots * rtpPorts - 1}`;
  const through = outcomes.filter(({ answered }) => answered > 0);
  const unseen = outcomes.filter(({ seen, answered }) => seen === 0 && answered === 0);
  const unanswered = outcomes.filter(({ seen, answered }) => seen > 0 && answered === 0);
  const found: Finding[] = [];
  const missing = (sentence: string) => found.push({ state: "missing", sentence: `media: ${sentence}` });
  if (unseen.length > 0 && through.length === 0 && unanswered.length === 0) {
    missing(unseen.some(({ isRefused }) => isRefused)
      ? `${address} refuses what is sent to it by UDP (${list(unseen)}), and the host got nothing: the address leads to another machine, or a firewall rejects it. Check '${setting}', and let ${range} in at every firewall before the host and on it.`
      : `nothing that was sent by UDP to ${address} (${list(unseen)}) arrived on the host. Let ${range} in, from everybody, at the firewall before the host (the provider's security group) and at its own (nft, ufw). Where they are open, the address leads to another machine ('${setting}'), or this machine's network lets no UDP out.`);
  } else if (unseen.length > 0) {
    missing(`UDP to ${list(unseen)} of ${address} does not arrive on the host, and to ${list([...through, ...unanswered])} it does. Let all of ${range} in: releases take turns in it.`);
  }
  if (unanswered.length > 0) missing(`what was sent by UDP to ${list(unanswered)} of ${address} arrived on the host, and its answers do not come back. Let UDP out from the host's ports ${range.slice(4)}, and look for a translation of addresses that gives answers another address or port.`);
  if (through.length > 0) found.push(throughFinding(through, address));
  return found;
}

function throughFinding(outcomes: readonly PortOutcome[], address: string): Finding {
  const [sent, answered] = [sum(outcomes, "sent"), sum(outcomes, "answered")];
  const times = outcomes.flatMap((one) => one.times).sort((a, b) => a - b);
  const loss = 1 - answered / sent;
  const sentence = `media: ${answered} of ${sent} packets to ${list(outcomes)} of ${address} came back by UDP, after ${milliseconds(times[times.length >> 1]!)} (median), ${milliseconds(times.at(-1)!)} at most; this machine was seen as ${outcomes[0]!.seenAs?.address ?? "nobody"}`;
  return loss > audibleLoss ? { state: "advice", sentence: `${sentence}. ${Math.round(loss * 100)} % were lost: voices break up over this network` } : { state: "found", sentence };
}

const sum = (outcomes: readonly PortOutcome[], key: "sent" | "answered") => outcomes.reduce((total, one) => total + one[key], 0);
const list = (outcomes: readonly PortOutcome[]) => `port${outcomes.length === 1 ? "" : "s"} ${outcomes.map(({ port }) => port).sort((a, b) => a - b).join(", ")}`;
const milliseconds = (time: number) => `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`;
