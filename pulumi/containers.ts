/** Pure builders of what Docker is told: no resource is made here, so tests compare them by equality. */

/** Everything runs as this user, on a read-only root. */
export const uid = 10_001;

/** What differs from one container of ours to another. */
export interface ContainerPlan {
  stack: string;
  role: string;
  image: string;
  environment: Record<string, string>;
  volumes: { volumeName?: string; hostPath?: string; containerPath: string }[];
  memoryMegabytes: number;
  /** Media comes first: what else this host does at the same moment (a release that starts, a build) waits. */
  urgent?: true;
  /** Seconds between SIGTERM and SIGKILL. */
  stopSeconds: number;
  /** How long a new release may take until Docker calls it healthy. */
  healthySeconds: number;
}

/** What tells a release from another: the tag of its image, or the first digits of the digest that names it. */
export function shortName(reference: string): string {
  const name = reference.slice(reference.lastIndexOf(":") + 1);
  return reference.includes("@") ? name.slice(0, 12) : name;
}

/** Labels by which a stack's containers are found when Pulumi's state is not. */
export function labels(stack: string, role: string, image?: string): { label: string; value: string }[] {
  return [
    { label: "houseline.stack", value: stack },
    { label: "houseline.role", value: role },
    ...(image === undefined ? [] : [{ label: "houseline.release", value: shortName(image) }]),
  ];
}

/** A running container: host network, no privileges, bounds on what it may use, health as the gate of a release. */
export function service(plan: ContainerPlan) {
  return {
    image: plan.image,
    networkMode: "host",
    user: `${uid}:${uid}`,
    readOnly: true,
    capabilities: { drops: ["ALL"] },
    securityOpts: ["no-new-privileges:true"],
    init: true,
    restart: "unless-stopped",
    mustRun: true,
    wait: true,
    waitTimeout: plan.healthySeconds,
    stopSignal: "SIGTERM",
    stopTimeout: plan.stopSeconds,
    destroyGraceSeconds: plan.stopSeconds,
    memory: plan.memoryMegabytes,
    // The same: no swap. Left out, every refresh would show a difference.
    memorySwap: plan.memoryMegabytes,
    // What every container gets by itself is 1,024, which is shared out by how many threads want to run: a voice is one of hundreds. (docker run --cpu-shares)
    ...(plan.urgent && { cpuShares: 65_536 }),
    tmpfs: { "/run/houseline": `rw,nosuid,nodev,size=64m,mode=0755,uid=${uid},gid=${uid}`, "/tmp": "rw,nosuid,nodev,size=64m,mode=1777" },
    logDriver: "json-file",
    logOpts: { "max-size": "10m", "max-file": "5" },
    envs: Object.entries(plan.environment).map(([name, value]) => `${name}=${value}`).sort(),
    volumes: plan.volumes,
    labels: labels(plan.stack, plan.role, plan.image),
  };
}

/** A container that is never started: what it holds is mounted by others. */
export function data(stack: string, role: string, image: string) {
  return { image, command: ["data"], start: false, mustRun: false, networkMode: "none", restart: "no", labels: labels(stack, role, image) };
}

/** A container is created before the one that it replaces is deleted; deleting may take as long as a drain. */
export function replaceOptions(stopSeconds: number) {
  return {
    deleteBeforeReplace: false,
    // Docker can't change these in a container, and the provider would say that it did.
    replaceOnChanges: ["healthcheck", "init", "tmpfs"],
    customTimeouts: { delete: `${stopSeconds + 120}s` },
  };
}
