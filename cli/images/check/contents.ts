import { posix } from "node:path";
import { readAt, tarEntries, type Extent, type TarEntry } from "../../../pulumi/tar.ts";

/** A file as a container of the image sees it. */
export interface ImageFile { path: string; type: string; mode: number; content: Extent; layer: number }

const longestText = 16 << 20;

/** Every file of an image by its path, the upper layers over the lower ones. (OCI Image Layer Specification, "Whiteouts") */
export function filesOf(layers: readonly Extent[]): Map<string, ImageFile> {
  const files = new Map<string, ImageFile>();
  layers.forEach((layer, index) => {
    const entries = [...tarEntries(layer)];
    const own = new Map<string, TarEntry>();
    for (const entry of entries) {
      const path = pathOf(entry.name);
      const name = posix.basename(path);
      if (name === ".wh..wh..opq") remove(files, posix.dirname(path), false);
      else if (name.startsWith(".wh.")) remove(files, posix.join(posix.dirname(path), name.slice(4)), true);
      else own.set(path, entry);
    }
    for (const [path, { type, mode, content, link }] of own) {
      // A hard link is its file under another name.
      const target = type === "1" ? own.get(pathOf(link)) : undefined;
      files.set(path, { path, type: target ? "0" : type, mode, content: target?.content ?? content, layer: index });
    }
  });
  return files;
}

export const pathOf = (name: string) => posix.join("/", Buffer.from(name, "latin1").toString()).replace(/(.)\/$/, "$1");

export function readText({ content }: ImageFile): string {
  return readAt(content.fd, content.offset, Math.min(content.length, longestText)).toString();
}

function remove(files: Map<string, ImageFile>, path: string, itself: boolean): void {
  if (itself) files.delete(path);
  for (const known of files.keys()) if (known.startsWith(`${path}/`)) files.delete(known);
}
