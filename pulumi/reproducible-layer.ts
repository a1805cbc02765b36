import { createHash } from "node:crypto";
import { writeSync } from "node:fs";
import { padding, paxHeader, putOctal, readAt, sealed, tarEnd, tarEntries, type Extent, type TarEntry } from "./tar.ts";

/** When everything in our own layers was changed last, whatever the clock of the builder: 1 January 2026. */
export const fixedTime = 1_767_225_600;
const chunk = 1 << 20;

/**
 * Writes a layer so that the same files give the same bytes on every machine: entries sorted, one time for all, no
 * names of users, nothing writable by others (a checkout's umask), no time of access. Contents stay as they are.
 * (https://reproducible-builds.org/docs/archives/)
 *
 * @returns the layer's diff id, and how long it is
 */
export function writeReproducibly(layer: Extent, to: number): { diffId: string; length: number } {
  const hash = createHash("sha256");
  let length = 0;
  const write = (bytes: Buffer) => {
    if (bytes.length === 0) return;
    hash.update(bytes);
    writeSync(to, bytes);
    length += bytes.length;
  };
  for (const entry of [...tarEntries(layer)].sort(byName)) {
    const { records, header } = normalised(entry);
    write(paxHeader(records));
    write(header);
    const { fd, offset, length: size } = entry.content;
    for (let at = 0; at < size; at += chunk) write(readAt(fd, offset + at, Math.min(chunk, size - at)));
    write(padding(size));
  }
  write(tarEnd);
  return { diffId: `sha256:${hash.digest("hex")}`, length };
}

/** A hard link comes after every file, so after the one that it names. */
function byName(a: TarEntry, b: TarEntry): number {
  const [later, than] = [Number(a.type === "1"), Number(b.type === "1")];
  if (later !== than) return later - than;
  const [one, other] = [a.name.replace(/\/$/, ""), b.name.replace(/\/$/, "")];
  return one < other ? -1 : one > other ? 1 : 0;
}

const times = ["mtime", "atime", "ctime", "uname", "gname", "LIBARCHIVE.creationtime"];

function normalised(entry: TarEntry): { records: Map<string, string>; header: Buffer } {
  const header = Buffer.from(entry.header);
  const records = new Map([...entry.records].filter(([key]) => !times.includes(key)));
  // Names of whatever form the builder chose: in the header where they fit, else in a record.
  for (const [key, value, at] of [["path", entry.name, 0], ["linkpath", entry.link, 157]] as const) {
    records.delete(key);
    header.fill(0, at, at + 100);
    if (value.length <= 100) header.write(value, at, "latin1");
    else records.set(key, value);
  }
  putOctal(header, 136, 12, fixedTime);
  const sticky = (entry.mode & 0o1000) !== 0;
  if (!sticky && entry.type !== "2") putOctal(header, 100, 8, entry.mode & 0o7755);
  // Names of users, device numbers of what is no device, and what GNU keeps after them.
  header.fill(0, 257, "34".includes(entry.type) ? 329 : 345);
  header.fill(0, 345, 512);
  header.write("ustar\x0000", 257, "latin1");
  return { records, header: sealed(header) };
}
