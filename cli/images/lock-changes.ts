/** Versions by name, of what a lock file holds. */
export type Versions = ReadonlyMap<string, string>;

/** What one lock has otherwise than another, a line each, by name. */
export function lockChanges(before: Versions, after: Versions): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((name) => {
    const [old, now] = [before.get(name), after.get(name)];
    if (old === now) return [];
    if (old === undefined) return [`${name}: new, ${now}`];
    if (now === undefined) return [`${name}: gone, it was ${old}`];
    return [`${name}: ${old} → ${now}`];
  });
}

/** Of packages.lock: `amd64 freeswitch 1.11.1~release sha256`. */
export function packageVersions(text: string): Versions {
  return new Map(text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).map((line) => {
    const [architecture, name, version] = line.split(" ");
    return [`${name} (${architecture})`, version ?? ""];
  }));
}

/** Of package-lock.json, by where a package lies. */
export function npmVersions(text: string): Versions {
  const { packages } = JSON.parse(text) as { packages: Record<string, { version?: string; link?: boolean }> };
  return new Map(Object.entries(packages).filter(([key, { link }]) => key.includes("node_modules/") && !link).map(([key, { version }]) => [key.replaceAll("node_modules/", ""), version ?? ""]));
}
