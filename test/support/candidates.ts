import type { Phone } from "./phones.ts";

/** Addresses that the other end of a call's media offered, and the one that it goes to, with its port. (Identifiers for WebRTC's Statistics API, RTCIceCandidatePairStats) */
export function remoteAddressesOf(phone: Phone): Promise<{ chosen: string | undefined; port: number; offered: string[] }> {
  return phone.page.evaluate(async () => {
    const connection = window.houseline.calls.at(-1)?.connection;
    const all = new Map<string, Record<string, unknown>>([...await connection?.getStats() ?? []] as [string, Record<string, unknown>][]);
    const transport = [...all.values()].find(({ type }) => type === "transport");
    const remote = all.get(String(all.get(String(transport?.selectedCandidatePairId))?.remoteCandidateId));
    const offered = [...(connection?.remoteDescription?.sdp ?? "").matchAll(/^a=candidate:\S+ \d+ udp \d+ (\S+) /gim)].map(([, address]) => address!);
    return { chosen: remote?.address as string | undefined, port: Number(remote?.port), offered: [...new Set(offered)] };
  });
}
