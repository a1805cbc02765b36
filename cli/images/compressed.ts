import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { Extent } from "../../pulumi/tar.ts";
import { stateDirectory } from "../paths.ts";

/** A layer as a registry keeps it. */
export interface Compressed { digest: string; size: number }

/** Layers whose compressed form is known are not compressed again to learn it. */
const indexPath = join(stateDirectory, "images", "compressed.json");
const longestIndex = 2_000;

export class CompressedIndex {
  readonly #known: Map<string, Compressed>;

  constructor() {
    this.#known = new Map(existsSync(indexPath) ? read() : []);
  }

  get(diffId: string): Compressed | undefined {
    return this.#known.get(diffId);
  }

  set(diffId: string, compressed: Compressed): void {
    this.#known.delete(diffId);
    this.#known.set(diffId, compressed);
    mkdirSync(dirname(indexPath), { recursive: true });
    const part = `${indexPath}.${process.pid}`;
    writeFileSync(part, JSON.stringify([...this.#known].slice(-longestIndex)));
    renameSync(part, indexPath);
  }
}

/** A damaged index costs time and nothing else. */
function read(): [string, Compressed][] {
  try {
    return JSON.parse(readFileSync(indexPath, "utf8")) as [string, Compressed][];
  } catch {
    return [];
  }
}

/** Compresses a layer into a file: the same layer gives the same bytes, since gzip's header holds no time. (RFC 1952) */
export async function compress({ fd, offset, length }: Extent, to: string): Promise<Compressed> {
  const hash = createHash("sha256");
  const hashing = new Transform({ transform(part: Buffer, _, done) { hash.update(part); done(null, part); } });
  await pipeline(createReadStream("", { fd, start: offset, end: offset + length - 1, autoClose: false, highWaterMark: 1 << 20 }), createGzip({ level: 6 }), hashing, createWriteStream(to));
  return { digest: `sha256:${hash.digest("hex")}`, size: statSync(to).size };
}
