import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { Refusal } from "./refusal.ts";
import type { Settings } from "./settings.ts";

/** Who we are to a registry; an identity token stands for both. */
export type Credentials = { user: string; password: string } | { identityToken: string };

/** Of Docker's own config.json, what is used here. (docker login's documentation, "Credential stores") */
interface DockerConfig { auths?: Record<string, { auth?: string; identitytoken?: string }>; credsStore?: string; credHelpers?: Record<string, string> }

/** Docker's own registry goes by another name in its configuration. */
const dockerHub = "https://index.docker.io/v1/";

/**
 * Credentials for a registry: those of the configuration (`registry.user` and `registry.password`, which CI gives by its environment), else those
 * that `docker login` left. Never on a command line.
 *
 * @param host `registry.example.com:5000`
 */
export async function credentialsFor(host: string, settings: Pick<Settings, "registry">): Promise<Credentials | undefined> {
  const { user, password } = settings.registry;
  if (user !== undefined && password !== undefined) return { user, password };
  if (user !== undefined || password !== undefined) {
    throw new Refusal("Of 'houseline:registry.user' and 'houseline:registry.password' only one is given: give both, or none to use what 'docker login' left (docs/images.md).");
  }
  const path = join(process.env.DOCKER_CONFIG ?? join(homedir(), ".docker"), "config.json");
  if (!existsSync(path)) return undefined;
  let config: DockerConfig;
  try {
    config = JSON.parse(readFileSync(path, "utf8")) as DockerConfig;
  } catch {
    throw new Refusal(`Docker's configuration ${path} is not JSON. Mend it, or type 'docker login ${host}' again.`);
  }
  const names = [host, `https://${host}`, `http://${host}`, `https://${host}/v1/`, `https://${host}/v2/`, ...(host === "registry-1.docker.io" ? [dockerHub, "docker.io"] : [])];
  for (const name of names) {
    const helper = config.credHelpers?.[name] ?? (config.auths?.[name] !== undefined ? config.credsStore : undefined);
    if (helper !== undefined) {
      const found = await ofHelper(helper, name);
      if (found) return found;
    }
    const entry = config.auths?.[name];
    if (entry?.identitytoken) return { identityToken: entry.identitytoken };
    if (!entry?.auth) continue;
    const text = Buffer.from(entry.auth, "base64").toString();
    return { user: text.slice(0, text.indexOf(":")), password: text.slice(text.indexOf(":") + 1) };
  }
  return undefined;
}

/** Asks `docker-credential-<helper>`, which reads the name from standard input. */
function ofHelper(helper: string, name: string): Promise<Credentials | undefined> {
  return new Promise((resolve, reject) => {
    const refuse = () => reject(new Refusal(`docker-credential-${helper}, which Docker's configuration names for ${name}, did not answer. Install it, or type 'docker login' again.`));
    const child = spawn(`docker-credential-${helper}`, ["get"], { stdio: ["pipe", "pipe", "ignore"], timeout: 30_000 });
    let text = "";
    child.on("error", refuse);
    child.stdin.on("error", () => {});
    child.stdin.end(name);
    child.stdout.setEncoding("utf8").on("data", (part: string) => { text = (text + part).slice(0, 100_000); });
    child.on("close", (code) => {
      if (code !== 0) return /not found/i.test(text) ? resolve(undefined) : refuse();
      try {
        const { Username, Secret } = JSON.parse(text) as { Username: string; Secret: string };
        resolve(Username === "<token>" ? { identityToken: Secret } : { user: Username, password: Secret });
      } catch {
        refuse();
      }
    });
  });
}

/** Lets Docker's client use credentials of the configuration: in a folder that only this user reads and that goes away. */
export async function withDockerConfig<T>(host: string, settings: Pick<Settings, "registry">, use: (environment: Record<string, string>) => Promise<T>): Promise<T> {
  const { user, password } = settings.registry;
  if (user === undefined || password === undefined) return use({});
  const folder = mkdtempSync(join(tmpdir(), "houseline-docker-"));
  try {
    const auth = Buffer.from(`${user}:${password}`).toString("base64");
    writeFileSync(join(folder, "config.json"), JSON.stringify({ auths: { [host === "registry-1.docker.io" ? dockerHub : host]: { auth } } }), { mode: 0o600 });
    return await use({ DOCKER_CONFIG: folder });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
