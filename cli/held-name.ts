import { createServer, type Server } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** Milliseconds between two looks at a name that another process holds. */
const lookMs = 100;

/**
 * Holds a name that one process on this machine can have, of whatever checkout: a socket in Linux's abstract namespace. The
 * kernel gives it to one and takes it back when that process ends, however it ends. (unix(7))
 *
 * @returns what gives it back when it is closed, or nothing while another process holds it
 */
export async function holdName(name: string): Promise<Server | undefined> {
  const server = createServer().unref();
  const isHeld = await new Promise<boolean>((resolve, reject) => {
    server.once("listening", () => resolve(true));
    server.once("error", (error: NodeJS.ErrnoException) => (error.code === "EADDRINUSE" ? resolve(false) : reject(error)));
    server.listen(`\0houseline-${name}`);
  });
  return isHeld ? server : undefined;
}

/** Does what no two processes of this machine may do at the same time; waits for the other. */
export async function oneAtATime<T>(name: string, work: () => Promise<T>): Promise<T> {
  let held: Server | undefined;
  while ((held = await holdName(name)) === undefined) await delay(lookMs);
  try {
    return await work();
  } finally {
    held.close();
  }
}
