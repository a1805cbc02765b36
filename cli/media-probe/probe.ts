import { randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { setTimeout as delay } from "node:timers/promises";
import { rtpPorts, slots } from "../../pulumi/port-ranges.ts";
import type { Seen, Task } from "./responder.ts";
import { bindingRequest, readBinding, type Endpoint } from "./stun.ts";
import type { Responder } from "./there.ts";

/** Packets to each port, and the milliseconds between them: a second of a call. */
export const packets = 50;
const intervalMs = 20;
/** How long the last ones may be on their way. */
const patienceMs = 1_000;
/** How long a responder lives, in seconds, if nobody tells it to end. */
const responderSeconds = 8;
/** Ports that are tried at a place, where others are taken by calls. */
const attempts = 8;

/** What became of the packets to one port. */
export interface PortOutcome {
  port: number;
  sent: number;
  /** Of those, what came to the host. */
  seen: number;
  answered: number;
  /** Milliseconds from request to answer. */
  times: readonly number[];
  /** The network said that nobody listens there. (ICMP, "port unreachable") */
  isRefused: boolean;
  /** What this machine looks like from there. */
  seenAs?: Endpoint;
}

/** First, middle and last ports of each slot of media, each with others for when they are taken. FreeSWITCH takes even ones. */
export function placesOf(firstPort: number): number[][] {
  const steps = (from: number, step: number) => Array.from({ length: attempts }, (_, index) => from + index * step);
  return Array.from({ length: slots }, (_, slot) => firstPort + slot * rtpPorts)
    .flatMap((first) => [steps(first, 2), steps(first + rtpPorts / 2, 2), steps(first + rtpPorts - 2, -2)]);
}

/**
 * Sends what a second of a call has to each place of a host's media, and looks what comes back.
 *
 * @param address that browsers send media to
 * @param local the host's own, where that is another one
 * @param start starts a responder on the host
 * @throws Error when that doesn't start, or can listen on none of the ports
 */
export async function probeMedia({ address, local, firstPort }: { address: string; local: string; firstPort: number }, start: (task: Task) => Promise<Responder>): Promise<PortOutcome[]> {
  const key = randomBytes(16).toString("hex");
  const responder = await start({ address: local, places: placesOf(firstPort), key, seconds: responderSeconds });
  const { ports, problem } = responder.ready;
  if (ports.length === 0) {
    await responder.end();
    throw new Error(`no port of it could be listened on at ${local} (${problem ?? "it said nothing"})`);
  }
  const flights: Flight[] = [];
  try {
    for (const port of ports) flights.push(await Flight.open(address, port, key));
    for (let packet = 0; packet < packets; packet++) {
      for (const flight of flights) flight.send();
      await delay(intervalMs);
    }
    for (const end = performance.now() + patienceMs; performance.now() < end && !flights.every(({ isComplete }) => isComplete);) await delay(intervalMs);
  } catch (error) {
    await responder.end();
    throw error;
  } finally {
    for (const flight of flights) flight.close();
  }
  const seen: Seen = await responder.end();
  return flights.map((flight) => flight.outcome(seen[flight.port]?.packets ?? 0));
}

/** Whether this machine has no way to an address: one without IPv6, say. (connect(2)) */
export const isWayless = (error: unknown): boolean => ["ENETUNREACH", "EHOSTUNREACH", "EADDRNOTAVAIL", "EAFNOSUPPORT"].includes((error as NodeJS.ErrnoException).code ?? "");

/** Packets on their way to one port. */
class Flight {
  readonly port: number;
  readonly #socket: Socket;
  readonly #key: string;
  readonly #sentAt = new Map<string, number>();
  readonly #times: number[] = [];
  #sent = 0;
  #isRefused = false;
  #seenAs: Endpoint | undefined;

  private constructor(socket: Socket, port: number, key: string) {
    this.#socket = socket;
    this.port = port;
    this.#key = key;
    socket.on("message", (packet) => this.#take(packet));
    socket.on("error", (error: NodeJS.ErrnoException) => { this.#isRefused ||= error.code === "ECONNREFUSED"; });
  }

  /** Connected, so that the kernel tells of a refusal. (udp(7), ECONNREFUSED) */
  static open(address: string, port: number, key: string): Promise<Flight> {
    const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
    const flight = new Flight(socket, port, key);
    return new Promise((resolve, reject) => {
      socket.once("error", reject);
      socket.connect(port, address, () => {
        socket.off("error", reject);
        resolve(flight);
      });
    });
  }

  get isComplete(): boolean {
    return this.#times.length === this.#sent;
  }

  send(): void {
    const transaction = randomBytes(12);
    this.#sentAt.set(transaction.toString("hex"), performance.now());
    this.#sent++;
    this.#socket.send(bindingRequest(transaction, this.#key), (error) => { this.#isRefused ||= (error as NodeJS.ErrnoException | null)?.code === "ECONNREFUSED"; });
  }

  #take(packet: Buffer): void {
    const answer = readBinding(packet, this.#key);
    const sentAt = answer?.isAnswer ? this.#sentAt.get(answer.transaction.toString("hex")) : undefined;
    if (answer === undefined || sentAt === undefined) return;
    this.#sentAt.delete(answer.transaction.toString("hex"));
    this.#times.push(performance.now() - sentAt);
    this.#seenAs = answer.mapped;
  }

  close(): void {
    this.#socket.close();
  }

  outcome(seen: number): PortOutcome {
    return { port: this.port, sent: this.#sent, seen, answered: this.#times.length, times: this.#times, isRefused: this.#isRefused, ...(this.#seenAs && { seenAs: this.#seenAs }) };
  }
}
