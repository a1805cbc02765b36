import { join } from "node:path";
import { hostSecrets } from "../../pulumi/image-build.ts";
import type { Engine } from "../support/engine.ts";
import { seconds } from "./figures.ts";

export type Layout = "plain" | "ordered";

/** The peer: one image with everything in it, built and pushed by Docker's own client. (test/bench/single) */
export class SingleImage {
  readonly #builder: Engine;
  readonly #directory: string;
  readonly #repository: string;
  readonly #layout: Layout;
  #releases = 0;

  /**
   * @param directory the checkout that it is made of
   * @param registry where it is pushed, with its port
   */
  constructor(builder: Engine, directory: string, registry: string, layout: Layout) {
    this.#builder = builder;
    this.#directory = directory;
    this.#repository = `${registry}/single-${layout}`;
    this.#layout = layout;
  }

  /** The name of the newest release. */
  get reference(): string {
    return `${this.#repository}:${this.#releases}`;
  }

  /**
   * Builds and pushes another release.
   *
   * @param apt the line of FreeSWITCH's apt source; without one it has none of its packages
   * @param packages another value asks that source again
   * @returns seconds that the build took
   */
  async release(apt: string | undefined, packages: number): Promise<number> {
    this.#releases++;
    const proxies = ["http_proxy", "https_proxy", "no_proxy"].filter((name) => process.env[name]).flatMap((name) => ["--build-arg", name]);
    const [taken = NaN] = await seconds(1, () => this.#builder.docker("build", "--quiet", "--network", "host", ...proxies, ...hostSecrets(), "--build-arg", `FREESWITCH_APT_SOURCE=${apt ?? ""}`, "--build-arg", `PACKAGES=${packages}`,
      "--file", join(this.#directory, `test/bench/single/${this.#layout}.Dockerfile`), "--tag", this.reference, this.#directory));
    await this.#builder.docker("push", "--quiet", this.reference);
    return taken;
  }
}
