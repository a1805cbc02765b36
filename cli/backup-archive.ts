import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { padding, putOctal, readAt, sealed, tarEnd, tarEntries, tarHeader, type Extent } from "../pulumi/tar.ts";

/** Whose data a part of a backup is. */
export const partNames = ["application", "softswitch", "standby"] as const;
export type PartName = (typeof partNames)[number];

/** Octal has no room for more: GNU's base-256 has. */
const mostOctal = 8 ** 11 - 1;

/**
 * Writes the parts of a backup, each a compressed archive of one host, into one file: a single part as it is, several as a tar archive of them.
 *
 * @param descriptor of an empty file
 * @param parts each writes its archive to the descriptor, and says whether there was anything to write
 */
export async function writeParts(descriptor: number, parts: ReadonlyMap<PartName, (descriptor: number) => Promise<boolean>>): Promise<void> {
  if (parts.size === 1) {
    for (const write of parts.values()) await write(descriptor);
    return;
  }
  for (const [name, write] of parts) {
    const at = fstatSync(descriptor).size;
    writeSync(descriptor, tarHeader("", 0));
    const there = await write(descriptor);
    const size = fstatSync(descriptor).size - at - tarHeader("", 0).length;
    writeSync(descriptor, padding(size));
    // One that wrote nothing stays in the file under a name that nobody reads.
    writeSync(descriptor, headerOf(there ? `${name}.tar.gz` : `${name}.missing`, size), 0, undefined, at);
  }
  writeSync(descriptor, tarEnd);
}

function headerOf(name: string, size: number): Buffer {
  if (size <= mostOctal) return tarHeader(name, size, "0", 0o600);
  const header = tarHeader(name, 0, "0", 0o600);
  putOctal(header, 124, 12, 0);
  header[124] = 0x80;
  header.writeBigUInt64BE(BigInt(size), 128);
  return sealed(header);
}

/**
 * Where the parts lie in a file: `whole` is the only one of a backup of one host.
 *
 * @returns nothing when it is no backup, or not whole
 */
export function partsIn(file: string): ReadonlyMap<PartName | "whole", Pick<Extent, "offset" | "length">> | undefined {
  const fd = openSync(file, "r");
  try {
    const { size } = fstatSync(fd);
    const magic = Buffer.alloc(2);
    readSync(fd, magic, 0, 2, 0);
    // (RFC 1952, 2.3.1)
    if (magic.equals(Buffer.from([0x1f, 0x8b]))) return new Map([["whole", { offset: 0, length: size }]]);
    // Cut off anywhere it doesn't end as it should.
    if (size < tarEnd.length || !readAt(fd, size - tarEnd.length, tarEnd.length).equals(tarEnd)) return undefined;
    const parts = new Map<PartName, Pick<Extent, "offset" | "length">>();
    for (const { name, content: { offset, length } } of tarEntries({ fd, offset: 0, length: size })) {
      const part = partNames.find((one) => name === `${one}.tar.gz`);
      if (offset + length > size) return undefined;
      if (part) parts.set(part, { offset, length });
    }
    return parts.has("application") ? parts : undefined;
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}
