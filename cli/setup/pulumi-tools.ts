import { existsSync } from "node:fs";
import { join } from "node:path";
import type { PulumiCommand } from "@pulumi/pulumi/automation/index.js";
import semver from "semver";
import { run } from "../../pulumi/process.ts";
import { Failure } from "../failure.ts";
import { pulumiHome, root, toolsDirectory } from "../paths.ts";
import { step } from "../terminal.ts";
import { goBuild, ownExecutable } from "./go-toolchain.ts";
import { allOnPath } from "./on-path.ts";
import type { Prerequisite } from "./prerequisite.ts";

/** The versions that package.json has of the SDKs; Renovate reads which SDK from the end of the line. */
export const cliVersion = "3.259.0"; // @pulumi/pulumi
export const pluginVersion = "5.2.0"; // @pulumi/docker
export const hcloudVersion = "1.41.0"; // @pulumi/hcloud
/** The oldest CLI that this SDK's engine events and language protocol were seen with. */
const oldestCli = "3.259.0";
const officialCli = join(toolsDirectory, `pulumi-${cliVersion}`);

/** Loaded when it is needed: it takes half a second, and most of what is set up does without. */
const sdk = () => import("@pulumi/pulumi/automation/index.js");

export const pulumiCli: Prerequisite = {
  name: "Pulumi CLI",
  fromGo: true,
  mend: "./houseline up (gets it from Pulumi's installer, or builds it from its Go module)",
  find: async () => (await findCli())?.shown,
  async get(consent) {
    try {
      await step(`Pulumi CLI ${cliVersion} by its own installer`, async () => (await sdk()).PulumiCommand.install({ root: officialCli, version: new semver.SemVer(cliVersion) }));
      if (await findCli()) return;
    } catch {
      // Its download site can't be reached.
    }
    await goBuild({
      module: join(root, "tools", "pulumi-offline"),
      package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
      flags: ["-ldflags", `-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${cliVersion}`],
      output: ownExecutable("pulumi"),
    }, consent, `Pulumi CLI ${cliVersion} from its Go module`);
  },
};

interface FoundCli { path: string; shown: string }

/** Each start of the CLI costs a quarter of a second: what was found stays found for this process. */
let foundCli: FoundCli | undefined;

/** The CLI's place, the first that is new enough. */
export async function pulumiCommand(): Promise<PulumiCommand> {
  const found = await findCli();
  if (!found) throw new Failure(`There is no Pulumi CLI ${oldestCli} or newer here. Type './houseline up'.`);
  process.env.PATH = `${join(found.path, "..")}:${process.env.PATH}`;
  return (await sdk()).PulumiCommand.get({ skipVersionCheck: true });
}

async function findCli(): Promise<FoundCli | undefined> {
  return foundCli ??= await lookForCli();
}

async function lookForCli(): Promise<FoundCli | undefined> {
  for (const path of [...allOnPath("pulumi"), join(officialCli, "bin", "pulumi")]) {
    if (!existsSync(path)) continue;
    const { code, stdout } = await run(path, ["version"], { environment: quiet, timeoutSeconds: 60 });
    const version = stdout.trim().replace(/^v/, "");
    if (code === 0 && semver.valid(version) && semver.gte(version, oldestCli) && semver.major(version) === semver.major(oldestCli)) return { path, shown: `${version} at ${path}` };
  }
  return undefined;
}

const quiet = { PULUMI_SKIP_UPDATE_CHECK: "true", PULUMI_HOME: pulumiHome };

const waysToPlugin = "gets it from Pulumi's site, or builds it from its Go module";

export const dockerPlugin: Prerequisite = { name: "Pulumi's Docker plugin", mend: `./houseline up (${waysToPlugin})`, ...plugin("docker", "Pulumi's Docker plugin", pluginVersion) };

export const hcloudPlugin: Prerequisite = {
  name: "Pulumi's plugin for Hetzner Cloud (for servers there, and the tests)",
  mend: `./houseline up of a stack there, or ./houseline test (${waysToPlugin})`,
  ...plugin("hcloud", "Pulumi's plugin for Hetzner Cloud", hcloudVersion),
};

/** A plugin of the engine: Pulumi's own, or the same provider behind the same bridge where Pulumi's site can't be reached. */
function plugin(provider: "docker" | "hcloud", title: string, version: string): Pick<Prerequisite, "find" | "fromGo" | "get"> {
  const program = `pulumi-resource-${provider}`;
  return {
    fromGo: true,
    async find() {
      const onPath = allOnPath(program)[0];
      if (onPath) return `at ${onPath}`;
      const installed = join(pulumiHome, "plugins", `resource-${provider}-v${version}`, program);
      return existsSync(installed) ? `${version} at ${installed}` : undefined;
    },
    async get(consent) {
      const command = await pulumiCommand();
      try {
        await step(`${title} ${version} from Pulumi's site`, async () => {
          const { code, stderr } = await run(command.command, ["plugin", "install", "resource", provider, version], { environment: quiet, timeoutSeconds: 600 });
          if (code !== 0) throw new Error(stderr);
        });
        return;
      } catch {
        // Its download site can't be reached.
      }
      await goBuild({ module: join(root, "tools", "pulumi-offline", provider), package: ".", output: ownExecutable(program) }, consent, `${title} ${version} from its Go module`);
    },
  };
}
