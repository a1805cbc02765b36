import { docker, type DockerClient } from "../../pulumi/docker-cli.ts";
import type { Manifest, Registry } from "../../pulumi/registry.ts";

interface Inspected { Id: string; RepoDigests: string[] | null; RootFS: { Layers: string[] | null } }

/**
 * What a host's Docker would not download again. It passes over a layer when it knows which content the registry's digest
 * stands for (it pulled that digest before) and has that content on top of just the same layers; from the first layer that
 * it lacks it downloads all above it. (Moby, distribution/xfer: `LayerDownloadManager.Download`)
 */
export class HostLayers {
  readonly #ids = new Set<string>();
  readonly #chains = new Set<string>();
  readonly #contents = new Map<string, string>();

  /** @param registry the one that is pulled from; images of others tell nothing about its digests */
  static async of(client: DockerClient, registry: Registry, shown: string): Promise<HostLayers> {
    const layers = new HostLayers();
    const ids = [...new Set((await docker(client, ["image", "ls", "--quiet", "--no-trunc"])).split("\n").filter(Boolean))];
    if (ids.length === 0) return layers;
    for (const { Id, RepoDigests, RootFS } of JSON.parse(await docker(client, ["image", "inspect", ...ids])) as Inspected[]) {
      layers.#add(Id, RootFS.Layers ?? []);
      for (const reference of RepoDigests ?? []) {
        if (!reference.startsWith(`${shown}/`)) continue;
        const [name = "", digest = ""] = reference.split("@");
        const known = await registry.manifest(repositoryIn(name), digest);
        known?.manifest.layers.forEach((layer, index) => layers.#contents.set(layer.digest, RootFS.Layers?.[index] ?? ""));
      }
    }
    return layers;
  }

  /** Digests that a pull of this image downloads, and remembers them as there. */
  pull({ config, layers }: Manifest, diffIds: readonly string[]): Set<string> {
    const fetched = new Set<string>();
    if (this.#ids.has(config.digest)) return fetched;
    let missing = false;
    layers.forEach(({ digest }, index) => {
      missing ||= this.#contents.get(digest) !== diffIds[index] || !this.#chains.has(chain(diffIds, index));
      if (missing) fetched.add(digest);
    });
    fetched.add(config.digest);
    this.#add(config.digest, diffIds);
    layers.forEach(({ digest }, index) => this.#contents.set(digest, diffIds[index]!));
    return fetched;
  }

  #add(id: string, diffIds: readonly string[]): void {
    this.#ids.add(id);
    diffIds.forEach((_, index) => this.#chains.add(chain(diffIds, index)));
  }
}

const chain = (diffIds: readonly string[], index: number) => diffIds.slice(0, index + 1).join(" ");

/** `registry.example.com/team/houseline-edge` → `team/houseline-edge` */
function repositoryIn(name: string): string {
  return name.slice(name.indexOf("/") + 1);
}
