import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { data } from "./containers.ts";
import { Refusal } from "./refusal.ts";
import type { Settings } from "./settings.ts";

/** Secrets by file name under `/run/secrets`. */
export type SecretFiles = Record<string, string>;

/** What the switch and the application server share, what switches share among themselves, and what the application server alone is given (empty: not wanted). */
export interface StackSecrets { eslPassword: string; directoryPassword: string; meshPassword: string; turnSecret: string; demoPassword: string; adminToken: string; databaseUrl: string; jwtSecret: string }

/** Every secret that the configuration must hold, or a refusal with what to type. */
export function requireSecrets({ secrets, demoPeople, signIn, turn }: Pick<Settings, "secrets" | "demoPeople" | "signIn" | "turn">): StackSecrets {
  const needed = ["eslPassword", "directoryPassword", "meshPassword", ...(turn.enabled ? ["turnSecret"] as const : []), ...(demoPeople ? ["demoPassword"] as const : [])] as const;
  for (const key of needed) {
    if (secrets[key] !== undefined) continue;
    throw new Refusal(`The secret 'houseline:secrets.${key}' is not set. './houseline up' makes the secrets of a local stack by itself; with Pulumi alone type: pulumi config set --secret --path houseline:secrets.${key} "$(openssl rand -hex 24)"`);
  }
  return {
    eslPassword: secrets.eslPassword!,
    directoryPassword: secrets.directoryPassword!,
    meshPassword: secrets.meshPassword!,
    turnSecret: turn.enabled ? secrets.turnSecret! : "",
    demoPassword: demoPeople ? secrets.demoPassword! : "",
    adminToken: secrets.adminToken ?? "",
    databaseUrl: secrets.databaseUrl ?? "",
    jwtSecret: signIn.jwtSecret ?? "",
  };
}

/**
 * A never-started container whose volume others mount at `/run/secrets`: its files are in no `docker inspect`, and encrypted
 * in Pulumi's state. A changed secret replaces it and all who read it.
 *
 * @param role the same on every host; by itself the resource's name
 */
export function secretsContainer(name: string, stack: string, image: string, files: SecretFiles, options: pulumi.CustomResourceOptions, role = name): docker.Container {
  return new docker.Container(name, {
    ...data(stack, role, image),
    // What is not wanted has no file: the provider takes no empty one.
    uploads: Object.entries(files).filter(([, content]) => content !== "").map(([file, content]) => ({
      file: `/run/secrets/${file}`,
      content: pulumi.secret(content),
      permissions: "0444",
    })),
  }, { ...options, deleteBeforeReplace: false });
}
