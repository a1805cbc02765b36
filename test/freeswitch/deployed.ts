import { request } from "node:http";
import type { TestProject } from "vitest/node";
import { Deployment } from "../support/deployment.ts";
import { docker } from "../support/docker.ts";

/** What Docker was told of a container. (Docker Engine API, "ContainerCreate") */
export interface Created {
  Config: { Image: string; User: string; Env: string[]; Labels: Record<string, string>; StopSignal?: string; StopTimeout?: number; Healthcheck?: object };
  HostConfig: Record<string, unknown>;
}
/** Containers as our own program deploys them. */
export interface Deployed { freeswitch: Created; edge: Created; sound: Created }

declare module "vitest" {
  export interface ProvidedContext { deployed: Deployed }
}

/** Deploys a stack with FreeSWITCH by `./houseline up`, for what its containers are created with, and removes it. */
export async function deploySwitch(): Promise<Deployed> {
  const deployment = await Deployment.prepare({ switch: { kind: "freeswitch" } });
  try {
    await deployment.up();
    const created = async (role: string) => (JSON.parse(await docker("inspect", (await deployment.container(role)).id)) as [Created])[0];
    const [freeswitch, edge, sound] = await Promise.all(["freeswitch", "softswitch-edge", "freeswitch-sound"].map(created)) as [Created, Created, Created];
    return { freeswitch, edge, sound };
  } finally {
    await deployment.remove();
  }
}

/** Once for all files of the suite: each switch in it is the deployed one again, with other ports, people and directories. */
export default async function setUp(project: TestProject): Promise<void> {
  if (process.env.HOUSELINE_FREESWITCH_APT) project.provide("deployed", await deploySwitch());
}

interface Otherwise { name: string; stack: string; environment: Record<string, string | number>; binds?: readonly string[]; volumesFrom?: readonly string[] }

/** Starts a container again under another name, with everything as it was deployed but what is named. */
export async function startAgain({ Config, HostConfig }: Created, { name, stack, environment, binds = [], volumesFrom = [] }: Otherwise): Promise<void> {
  const { Image, User, Env, Labels, StopSignal, StopTimeout, Healthcheck } = Config;
  const variables = new Map([...Env.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)] as const), ...Object.entries(environment)]);
  await ask("POST", `/containers/create?name=${name}`, {
    Image, User, StopSignal, StopTimeout, Healthcheck,
    Env: [...variables].map(([key, value]) => `${key}=${value}`), Labels: { ...Labels, "houseline.stack": stack },
    // Docker is not to bring back what a test has ended.
    HostConfig: { ...HostConfig, Binds: binds, Mounts: [], VolumesFrom: volumesFrom, RestartPolicy: { Name: "no" } },
  });
  await ask("POST", `/containers/${name}/start`);
}

function ask(method: string, path: string, body?: object): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: "/var/run/docker.sock", method, path, headers: { "Content-Type": "application/json" } }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => { text += part; });
      response.on("end", () => (response.statusCode! < 300 ? resolve() : reject(new Error(`Docker answered ${response.statusCode} to ${path}: ${text}`))));
    });
    sent.on("error", reject).end(body && JSON.stringify(body));
  });
}
