import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { holdName } from "../../cli/held-name.ts";
import { rtpPorts, slots } from "../../pulumi/port-ranges.ts";

/** Ports of the tests: below the range from which the kernel gives out its own. */
const [lowest, beyond] = [18_000, 32_000];
/** They are given out in blocks, of which one holder is known to every process of this machine. */
const block = 20;

/**
 * The first of `count` ports in a row that nobody listens on, and that nobody else gets as long as this process lives: a stack
 * listens on some of its ports only later, or now and then.
 */
export async function freePorts(count: number): Promise<number> {
  if (count > block) throw new Error(`At most ${block} ports in a row are given out.`);
  for (let attempt = 0; attempt < 200; attempt++) {
    const base = lowest + block * Math.floor(Math.random() * ((beyond - lowest) / block));
    const held = await holdName(`ports-${base}`);
    if (held && await areFree(base, count)) return base;
    held?.close();
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
