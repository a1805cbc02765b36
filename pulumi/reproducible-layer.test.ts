import { execFileSync } from "node:child_process";
import { chmodSync, closeSync, existsSync, linkSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fixedTime, writeReproducibly } from "./reproducible-layer.ts";
import { tarEntries } from "./tar.ts";

const longName = `${"a-folder-with-a-long-name/".repeat(6)}файл.txt`;

describe("a layer written reproducibly", () => {
  let folder: string;
  beforeEach(() => { folder = mkdtempSync(join(tmpdir(), "houseline-layer-")); });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** The same tree, with another clock, umask and order of making. */
  function tree(name: string, { time, mode, backwards = false }: { time: number; mode: number; backwards?: boolean }): string {
    const root = join(folder, name);
    const files = ["b.txt", "a/c.txt", "a/run.sh", longName];
    for (const file of backwards ? files.reverse() : files) {
      mkdirSync(join(root, file, ".."), { recursive: true });
      writeFileSync(join(root, file), file);
      chmodSync(join(root, file), file.endsWith(".sh") ? mode | 0o111 : mode);
      utimesSync(join(root, file), time, time);
    }
    symlinkSync("../b.txt", join(root, "a/link"));
    return root;
  }

  function layer(root: string, ...options: string[]): { diffId: string; path: string } {
    const archive = `${root}.tar`;
    execFileSync("tar", ["--create", "--file", archive, "--directory", root, ...options, "."]);
    const [from, path] = [openSync(archive, "r"), `${root}.layer.tar`];
    const to = openSync(path, "w");
    const { diffId, length } = writeReproducibly({ fd: from, offset: 0, length: statSync(archive).size }, to);
    closeSync(from);
    closeSync(to);
    expect(statSync(path).size).toBe(length);
    return { diffId, path };
  }

  it("is the same to the byte for another time, umask, order and format of archive", () => {
    const one = layer(tree("one", { time: 1, mode: 0o644 }), "--sort=name", "--format=gnu");
    const other = layer(tree("other", { time: 2_000_000_000, mode: 0o664, backwards: true }), "--sort=none", "--format=pax", "--owner=somebody:0", "--group=some:0");
    expect(other.diffId).toBe(one.diffId);
    expect(readFileSync(other.path).equals(readFileSync(one.path))).toBe(true);
  });

  it("is another for another content or an executable bit", () => {
    const { diffId } = layer(tree("one", { time: 1, mode: 0o644 }));
    const changed = tree("changed", { time: 1, mode: 0o644 });
    writeFileSync(join(changed, "b.txt"), "c.txt");
    const executable = tree("executable", { time: 1, mode: 0o644 });
    chmodSync(join(executable, "a/c.txt"), 0o755);
    expect(new Set([diffId, layer(changed).diffId, layer(executable).diffId]).size).toBe(3);
  });

  it("unpacks to the same files: long names, links, modes", () => {
    const root = tree("one", { time: 1, mode: 0o666 });
    linkSync(join(root, "b.txt"), join(root, "a/0-hard-link"));
    const { path } = layer(root);
    const out = join(folder, "out");
    mkdirSync(out);
    execFileSync("tar", ["--extract", "--file", path, "--directory", out]);
    expect(readFileSync(join(out, longName), "utf8")).toBe(longName);
    expect(readFileSync(join(out, "a/link"), "utf8")).toBe("b.txt");
    expect(statSync(join(out, "a/0-hard-link")).ino).toBe(statSync(join(out, "b.txt")).ino);
    expect(statSync(join(out, "b.txt")).mode & 0o777).toBe(0o644);
    expect(statSync(join(out, "b.txt")).mtimeMs).toBe(fixedTime * 1_000);
  });

  it("keeps extended attributes, a sticky directory and a device as they are", () => {
    const root = tree("one", { time: 1, mode: 0o644 });
    mkdirSync(join(root, "tmp"));
    chmodSync(join(root, "tmp"), 0o1777);
    const asRoot = process.getuid?.() === 0;
    if (asRoot) execFileSync("mknod", [join(root, "null"), "c", "1", "3"]);
    const { path } = layer(root, "--format=pax", "--pax-option=SCHILY.xattr.user.mark:=kept");
    const fd = openSync(path, "r");
    const entries = new Map([...tarEntries({ fd, offset: 0, length: statSync(path).size })].map((entry) => [entry.name, entry]));
    closeSync(fd);
    expect(entries.get("./b.txt")!.records.get("SCHILY.xattr.user.mark")).toBe("kept");
    expect(entries.get("./tmp/")!.mode).toBe(0o1777);
    if (asRoot) expect(entries.get("./null")!.header.toString("latin1", 329, 345)).toMatch(/^0*1\0.*0*3\0$/);
  });

  it("a damaged archive is refused and not taken for a short one", () => {
    const archive = join(folder, "damaged.tar");
    execFileSync("tar", ["--create", "--file", archive, "--directory", tree("one", { time: 1, mode: 0o644 }), "."]);
    const bytes = readFileSync(archive);
    bytes[10]! ^= 1;
    writeFileSync(archive, bytes);
    const fd = openSync(archive, "r");
    expect(() => [...tarEntries({ fd, offset: 0, length: bytes.length })]).toThrow("damaged");
    closeSync(fd);
    expect(existsSync(archive)).toBe(true);
  });
});
