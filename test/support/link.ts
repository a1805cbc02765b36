import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { allOnPath } from "../../cli/setup/on-path.ts";

const run = promisify(execFile);
const prefix = "houseline-";

/** Why there can be none here, or nothing: it takes root and iproute2. */
export const noLink = process.getuid?.() !== 0 ? "not root" : allOnPath("ip").length === 0 ? "no ip (iproute2)" : undefined;

/**
 * A cable from this machine to a network namespace that has nothing but IPv6, as some mobile networks do: whoever is in there reaches this end of it and
 * nobody else. This machine has two addresses of IPv4 at its end, and one of IPv6.
 */
export class Link {
  readonly namespace: string;
  readonly address: string;
  readonly otherAddress: string;
  readonly address6: string;

  private constructor() {
    const { pid } = process;
    this.namespace = `${prefix}${pid}`;
    // Of each process its own.
    const network = `10.${128 + (pid >> 8) % 64}.${pid & 255}`;
    this.address = `${network}.1`;
    this.otherAddress = `${network}.9`;
    this.address6 = `fd48:6f75:${(pid >> 16).toString(16)}:${(pid & 0xffff).toString(16)}::1`;
  }

  static async create(): Promise<Link> {
    await removeAbandoned();
    const link = new Link();
    await run("ip", ["netns", "add", link.namespace]);
    const [here, there] = [`hl${process.pid}`, "eth0"];
    try {
      await run("ip", ["link", "add", here, "type", "veth", "peer", "name", there, "netns", link.namespace]);
      for (const address of [`${link.address}/24`, `${link.otherAddress}/24`, `${link.address6}/64`]) await run("ip", ["address", "add", address, "dev", here, ...(address.includes(":") ? ["nodad"] : [])]);
      await run("ip", ["link", "set", here, "up"]);
      for (const words of [["address", "add", link.address6.replace(/1$/, "2/64"), "dev", there, "nodad"], ["link", "set", there, "up"], ["link", "set", "lo", "up"]]) await run("ip", ["-n", link.namespace, ...words]);
      return link;
    } catch (error) {
      await link.remove();
      throw error;
    }
  }

  /** The cable goes with it. */
  async remove(): Promise<void> {
    await run("ip", ["netns", "delete", this.namespace]).catch(() => undefined);
  }
}

/** Of runs that were killed. */
async function removeAbandoned(): Promise<void> {
  const { stdout } = await run("ip", ["netns", "list"]);
  for (const [, name, pid] of stdout.matchAll(new RegExp(`^(${prefix}(\\d+))\\b`, "gm"))) if (!existsSync(`/proc/${pid}`)) await run("ip", ["netns", "delete", name!]).catch(() => undefined);
}
