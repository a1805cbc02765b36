import { runDocker } from "../pulumi/docker-cli.ts";
import { quoted, runThere, type StackHost } from "../pulumi/stack-hosts.ts";
import { Failure } from "./failure.ts";

const mebibyte = 2 ** 20;
/** What must be free before anything is changed: containers that start beside the old ones, a checkpoint of the engine, a database's log. */
const wanted = { docker: 64 * mebibyte, data: 32 * mebibyte, state: 16 * mebibyte };
/** File systems also run out of files. */
const wantedFiles = 500;

interface Place { what: string; path: string; bytes: number; host: Pick<StackHost, "ssh" | "name"> }

const here = { name: "this machine" };

/**
 * Refuses to begin on a full disk: what runs goes on then, and nothing is left half-done.
 *
 * @param state directory of the stack's state, on this machine
 * @param data directory of its people's data, on each host
 */
export async function refuseFullDisks(hosts: readonly StackHost[], { state, data }: { state: string; data: string }): Promise<void> {
  const places = await Promise.all(hosts.map(async (host): Promise<Place[]> => {
    const docker = await dockerRoot(host);
    return [
      ...(docker === undefined ? [] : [{ what: "Docker keeps images and containers", path: docker, bytes: wanted.docker, host }]),
      { what: "the data of the stack's people is", path: data, bytes: wanted.data, host },
    ];
  }));
  await Promise.all([...places.flat(), { what: "the stack's state is kept", path: state, bytes: wanted.state, host: here }].map(refuse));
}

async function refuse({ what, path, bytes, host }: Place): Promise<void> {
  const disk = await diskOf(host, path);
  if (disk === undefined) return;
  const where = host.ssh ? ` of ${host.name}` : "";
  const hint = "Free some of it ('df -h' shows which disk, 'docker system df' what Docker keeps there) and type this again. Nothing was changed.";
  if (disk.freeBytes < bytes) throw new Failure(`The disk${where} with ${path}, where ${what}, is full: ${Math.floor(disk.freeBytes / mebibyte)} MB are free, and ${bytes / mebibyte} MB are needed. ${hint}`);
  // Some file systems count none.
  if (disk.files > 0 && disk.freeFiles < wantedFiles) throw new Failure(`The disk${where} with ${path}, where ${what}, can hold only ${disk.freeFiles} more files. ${hint}`);
}

export interface Disk { bytes: number; freeBytes: number; files: number; freeFiles: number }

/** The file system with a directory, or with the one that it would be made in. (df(1): `-P` is one line for each) */
export async function diskOf(host: Pick<StackHost, "ssh">, path: string): Promise<Disk | undefined> {
  const { code, stdout } = await runThere(host, `p=${quoted(path)}; until [ -e "$p" ]; do p=$(dirname "$p"); done; df -Pk "$p" | tail -n 1; df -Pi "$p" | tail -n 1`);
  const [space, inodes] = stdout.trim().split("\n").map((line) => /\s(\d+|-)\s+(\d+|-)\s+(-?\d+|-)\s+(\d+%|-)\s/.exec(line)?.slice(1).map(Number));
  if (code !== 0 || space === undefined) return undefined;
  return { bytes: (space[0] || 0) * 1_024, freeBytes: (space[2] || 0) * 1_024, files: inodes?.[0] || 0, freeFiles: inodes?.[2] || 0 };
}

/** Where the Docker of a host keeps everything; nothing for one that is elsewhere (a virtual machine). */
export async function dockerRoot(host: StackHost): Promise<string | undefined> {
  const { client, ssh } = host;
  if (!ssh && client.host !== undefined && !client.host.startsWith("unix://")) return undefined;
  const { code, stdout } = await runDocker(client, ["info", "--format", "{{.DockerRootDir}}"]);
  const path = stdout.trim();
  return code === 0 && path !== "" && (await runThere(host, `[ -e ${quoted(path)} ]`)).code === 0 ? path : undefined;
}
