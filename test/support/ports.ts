import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { rtpPorts, slots } from "../../pulumi/port-ranges.ts";

/** The first of `count` ports in a row that nobody listens on, below the range from which the kernel gives out its own. */
export async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const base = 18_000 + Math.floor(Math.random() * (32_000 - 18_000 - count));
    if (await areFree(base, count)) return base;
  }
  throw new Error(`No ${count} free ports in a row were found.`);
}

async function areFree(base: number, count: number): Promise<boolean> {
  const servers = await Promise.all(Array.from({ length: count }, (_, index) => new Promise<ReturnType<typeof createServer> | undefined>((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined)).listen(base + index, "127.0.0.1", () => resolve(server));
  })));
  await Promise.all(servers.map((server) => server && new Promise((resolve) => server.close(resolve))));
  return servers.every(Boolean);
}

/** Where three slots of RTP fit above the ports of everything else. */
export const rtpBases = [32_768, 49_152];

/**
 * The base of an RTP range that no other stack of the tests uses, as long as this process lives: its last port is held,
 * and a second stack in need of it goes elsewhere. When all are held it is the first; a switch passes over a taken port.
 */
export async function freeRtpRange(): Promise<number> {
  for (const base of rtpBases) if (await held(base + rtpPorts * slots - 1)) return base;
  return rtpBases[0]!;
}

function held(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4").unref();
    socket.once("error", () => resolve(false)).bind({ port, address: "127.0.0.1", exclusive: true }, () => resolve(true));
  });
}
