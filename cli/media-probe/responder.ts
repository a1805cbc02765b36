import { createSocket, type Socket } from "node:dgram";
import { createInterface } from "node:readline";
import { bindingAnswer, readBinding, type Endpoint } from "./stun.ts";

/**
 * A program of its own, sent to a host and run there for the moment of a probe (there.ts): answers binding requests on some of its UDP ports. It ends with
 * its standard input, and after `seconds` whatever happens.
 */

/** What it is asked, in one line of its standard input. */
export interface Task {
  address: string;
  /** For each place that is wanted, ports of which the first free one is taken: on others there may be a call. */
  places: number[][];
  key: string;
  seconds: number;
}

/** What it says, a line each: first the ports that it answers on, then, when it is told to end, what came to them. */
export interface Ready { ports: number[]; problem?: string }
export type Seen = Record<number, { packets: number; from: Endpoint }>;

const seen: Seen = {};

async function respond({ address, places, key, seconds }: Task): Promise<void> {
  setTimeout(() => process.exit(1), seconds * 1_000).unref();
  const ready: Ready = { ports: [] };
  for (const candidates of places) {
    for (const port of candidates) {
      const failure = await answerOn(address, port, key);
      if (failure === undefined) {
        ready.ports.push(port);
        break;
      }
      ready.problem = failure;
    }
  }
  say(ready);
}

/** @returns why it can't be listened on */
function answerOn(address: string, port: number, key: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket: Socket = createSocket(address.includes(":") ? "udp6" : "udp4");
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on("message", (packet, { address: from, port: fromPort }) => {
      const request = readBinding(packet, key);
      if (!request || request.isAnswer) return;
      const entry = seen[port] ??= { packets: 0, from: { address: from, port: fromPort } };
      entry.packets++;
      socket.send(bindingAnswer(request.transaction, { address: from, port: fromPort }, key), fromPort, from, () => undefined);
    });
    socket.bind({ port, address, exclusive: true }, () => resolve(undefined));
  });
}

const say = (what: Ready | Seen) => process.stdout.write(`${JSON.stringify(what)}\n`);

const input = createInterface({ input: process.stdin });
input.once("line", (line) => void respond(JSON.parse(line) as Task));
input.once("close", () => {
  say(seen);
  // Written before it ends: standard output is a pipe.
  process.stdout.write("", () => process.exit(0));
});
