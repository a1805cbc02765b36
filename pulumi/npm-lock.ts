/** Of a package-lock.json, what is used here. (npm's documentation, "package-lock.json", lockfileVersion 3) */
interface Locked { version?: string; integrity?: string; link?: boolean; dependencies?: Record<string, string>; optionalDependencies?: Record<string, string>; peerDependencies?: Record<string, string> }

/**
 * The packages that some parts of the repository are made with, as the lock has them, with everything that they depend on.
 * An image is named by these and not by the whole lock: a new linter restarts nobody's telephone.
 *
 * @param lock the text of package-lock.json
 * @param from keys of the lock to begin at: workspaces (`app/server`) and packages (`node_modules/esbuild`)
 * @returns version and integrity by key, sorted by key
 */
export function lockedPackages(lock: string, from: readonly string[]): Record<string, string> {
  const { packages } = JSON.parse(lock) as { packages: Record<string, Locked> };
  const found = new Map<string, string>();
  const visit = (key: string) => {
    const entry = packages[key];
    if (!entry || found.has(key)) return;
    found.set(key, `${entry.version ?? "0"} ${entry.integrity ?? ""}`.trim());
    for (const name of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies, ...entry.peerDependencies })) {
      const resolved = resolve(packages, key, name);
      if (resolved !== undefined) visit(resolved);
    }
  };
  from.forEach(visit);
  // The parts themselves are files of the repository.
  return Object.fromEntries([...found].filter(([key]) => key.includes("node_modules/")).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** As Node finds it: in the nearest `node_modules` upwards. */
function resolve(packages: Record<string, Locked>, from: string, name: string): string | undefined {
  for (let place = from; ; place = place.slice(0, Math.max(0, place.lastIndexOf("/")))) {
    const key = `${place === "" ? "" : `${place}/`}node_modules/${name}`;
    if (packages[key] && !packages[key].link) return key;
    if (place === "") return undefined;
  }
}
