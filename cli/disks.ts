import { existsSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { runDocker, type DockerClient } from "../pulumi/docker-cli.ts";
import { Failure } from "./failure.ts";

const mebibyte = 2 ** 20;
/** What must be free before anything is changed: containers that start beside the old ones, a checkpoint of the engine, a database's log. */
const wanted = { docker: 64 * mebibyte, data: 32 * mebibyte, state: 16 * mebibyte };
/** File systems also run out of files. */
const wantedFiles = 500;

interface Place { what: string; path: string; bytes: number }

/**
 * Refuses to begin on a full disk: what runs goes on then, and nothing is left half-done.
 *
 * @param state directory of the stack's state
 * @param data directory of its people's data
 */
export async function refuseFullDisks(client: DockerClient, { state, data }: { state: string; data: string }): Promise<void> {
  const docker = await dockerRoot(client);
  const places: Place[] = [
    ...(docker === undefined ? [] : [{ what: "Docker keeps images and containers", path: docker, bytes: wanted.docker }]),
    { what: "the data of the stack's people is", path: data, bytes: wanted.data },
    { what: "the stack's state is kept", path: state, bytes: wanted.state },
  ];
  for (const place of places) refuse(place);
}

function refuse({ what, path, bytes }: Place): void {
  const { bavail, bsize, files, ffree } = statfsSync(existing(path));
  const free = bavail * bsize;
  const hint = "Free some of it ('df -h' shows which disk, 'docker system df' what Docker keeps there) and type this again. Nothing was changed.";
  if (free < bytes) throw new Failure(`The disk with ${path}, where ${what}, is full: ${Math.floor(free / mebibyte)} MB are free, and ${bytes / mebibyte} MB are needed. ${hint}`);
  // Some file systems count none.
  if (files > 0 && ffree < wantedFiles) throw new Failure(`The disk with ${path}, where ${what}, can hold only ${ffree} more files. ${hint}`);
}

/** The directory itself, or the one that it would be made in. */
const existing = (path: string): string => (existsSync(path) ? path : existing(dirname(path)));

/** Where the Docker of this machine keeps everything; nothing for one that is elsewhere (another host, a virtual machine). */
async function dockerRoot(client: DockerClient): Promise<string | undefined> {
  if (client.host !== undefined && !client.host.startsWith("unix://")) return undefined;
  const { code, stdout } = await runDocker(client, ["info", "--format", "{{.DockerRootDir}}"]);
  const path = stdout.trim();
  return code === 0 && path !== "" && existsSync(path) ? path : undefined;
}
