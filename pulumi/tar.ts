import { readSync } from "node:fs";

/** A part of an open file. */
export interface Extent { fd: number; offset: number; length: number }

/** One entry of a tar archive: what it is, and where its content lies. (POSIX.1-2017, pax; GNU tar's long names) */
export interface TarEntry {
  name: string;
  /** The header's type flag: `0` a file, `1` a hard link, `2` a symbolic link, `5` a directory, … */
  type: string;
  link: string;
  mode: number;
  header: Buffer;
  /** Extended records, such as `SCHILY.xattr.user.x`. */
  records: Map<string, string>;
  content: Extent;
}

const block = 512;
/** Bounds of what a header may claim before its content is read into memory. */
const longestRecords = 1 << 20;

/** Every entry of an archive that lies in a part of a file. Reads headers alone. */
export function* tarEntries({ fd, offset, length }: Extent): Generator<TarEntry> {
  let records = new Map<string, string>();
  let [longName, longLink] = ["", ""];
  for (let at = offset; at + block <= offset + length;) {
    const header = readAt(fd, at, block);
    if (header.every((byte) => byte === 0)) return;
    if (checksum(header) !== octal(header, 148, 8)) throw new Error(`A tar header at ${at - offset} is damaged.`);
    const type = String.fromCharCode(header[156]! || 0x30);
    const size = Number(type === "x" ? octal(header, 124, 12) : records.get("size") ?? octal(header, 124, 12));
    const content = { fd, offset: at + block, length: size };
    at += block + Math.ceil(size / block) * block;
    if ("xLK".includes(type)) {
      if (size > longestRecords) throw new Error("A tar header claims to be longer than a megabyte.");
      const bytes = readAt(fd, content.offset, size);
      if (type === "x") records = paxRecords(bytes);
      else if (type === "L") longName = text(bytes, 0, size);
      else longLink = text(bytes, 0, size);
      continue;
    }
    if (type !== "g") {
      const prefix = header.toString("latin1", 257, 263) === "ustar\0" ? text(header, 345, 155) : "";
      const short = text(header, 0, 100);
      yield {
        name: records.get("path") ?? (longName || (prefix === "" ? short : `${prefix}/${short}`)),
        type, link: records.get("linkpath") ?? (longLink || text(header, 157, 100)),
        mode: octal(header, 100, 8), header, records, content,
      };
    }
    records = new Map();
    [longName, longLink] = ["", ""];
  }
}

export function readAt(fd: number, offset: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  for (let read = 0; read < length;) {
    const count = readSync(fd, buffer, read, length - read, offset + read);
    if (count === 0) throw new Error("A tar archive ends in the middle of an entry.");
    read += count;
  }
  return buffer;
}

/** A header for what we write ourselves. */
export function tarHeader(name: string, size: number, type = "0", mode = 0o644): Buffer {
  const header = Buffer.alloc(block);
  header.write(name, 0, 100);
  putOctal(header, 100, 8, mode);
  putOctal(header, 108, 8, 0);
  putOctal(header, 116, 8, 0);
  putOctal(header, 124, 12, size);
  putOctal(header, 136, 12, 0);
  header.write(type, 156);
  header.write("ustar\x0000", 257, "latin1");
  return sealed(header);
}

/** The records of an extended header, with the header before them; empty when there are none. */
export function paxHeader(records: ReadonlyMap<string, string>): Buffer {
  if (records.size === 0) return Buffer.alloc(0);
  const body = Buffer.concat([...records].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => {
    const rest = Buffer.from(` ${key}=${value}\n`, "latin1");
    let length = rest.length + 1;
    while (length !== rest.length + String(length).length) length = rest.length + String(length).length;
    return Buffer.concat([Buffer.from(String(length)), rest]);
  }));
  return Buffer.concat([tarHeader("PaxHeaders.0/entry", body.length, "x"), body, padding(body.length)]);
}

export const padding = (size: number) => Buffer.alloc((block - (size % block)) % block);
/** What ends an archive. */
export const tarEnd = Buffer.alloc(2 * block);

export function putOctal(header: Buffer, offset: number, width: number, value: number): void {
  header.write(`${value.toString(8).padStart(width - 1, "0")}\0`, offset, width, "latin1");
}

/** Writes the header's checksum. */
export function sealed(header: Buffer): Buffer {
  header.write(`${checksum(header).toString(8).padStart(6, "0")}\0 `, 148, 8, "latin1");
  return header;
}

function checksum(header: Buffer): number {
  let sum = 8 * 0x20;
  for (let i = 0; i < block; i++) if (i < 148 || i >= 156) sum += header[i]!;
  return sum;
}

function octal(header: Buffer, offset: number, width: number): number {
  // GNU's base-256, for what octal has no room for.
  if (header[offset]! & 0x80) return Number(header.readBigUInt64BE(offset + width - 8));
  return Number.parseInt(text(header, offset, width).trim() || "0", 8);
}

/** Names are kept byte for byte: latin1 loses none. */
function text(buffer: Buffer, offset: number, width: number): string {
  const end = buffer.indexOf(0, offset);
  return buffer.toString("latin1", offset, end === -1 || end > offset + width ? offset + width : end);
}

function paxRecords(bytes: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at);
    const length = Number(bytes.toString("latin1", at, space));
    if (!(length > 0) || space < 0) break;
    const record = bytes.toString("latin1", space + 1, at + length - 1);
    records.set(record.slice(0, record.indexOf("=")), record.slice(record.indexOf("=") + 1));
    at += length;
  }
  return records;
}
