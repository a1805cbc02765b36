import { canonical } from "../../../pulumi/reproducible-image.ts";
import { fixedTime } from "../../../pulumi/reproducible-layer.ts";
import { readText, type ImageFile } from "./contents.ts";

/** A package in an image. `source` is the Debian source package, which its security tracker goes by. */
export interface Package { name: string; version: string; kind: "deb" | "npm" | "generic"; architecture?: string; source?: string; sourceVersion?: string; licence?: string }

/** What an image has of Debian's and npm's packages, by the records that both leave. */
export function packagesOf(files: ReadonlyMap<string, ImageFile>): Package[] {
  const packages = new Map<string, Package>();
  for (const file of files.values()) {
    if (file.type !== "0") continue;
    if (file.path === "/var/lib/dpkg/status" || file.path.startsWith("/var/lib/dpkg/status.d/")) for (const one of debs(readText(file))) packages.set(`deb ${one.name} ${one.architecture}`, one);
    else if (/\/node_modules\/(@[^/]+\/)?[^/]+\/package\.json$/.test(file.path)) {
      const one = npmPackage(readText(file));
      if (one) packages.set(`npm ${one.name} ${one.version}`, one);
    }
  }
  return [...packages.values()].sort((a, b) => a.kind.localeCompare(b.kind, "en") || (a.name < b.name ? -1 : a.name > b.name ? 1 : a.version < b.version ? -1 : 1));
}

/** Stanzas of dpkg's status file. (deb-control(5)) */
function debs(text: string): Package[] {
  return text.split(/\n\n+/).flatMap((stanza) => {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(stanza)?.[1];
    const [name, version, status] = [field("Package"), field("Version"), field("Status")];
    if (name === undefined || version === undefined || (status !== undefined && !status.endsWith(" installed"))) return [];
    const [, source = name, sourceVersion = version] = /^(\S+)(?: \((.+)\))?$/.exec(field("Source") ?? name) ?? [];
    return [{ name, version, kind: "deb" as const, architecture: field("Architecture"), source, sourceVersion }];
  });
}

function npmPackage(text: string): Package | undefined {
  try {
    const { name, version, license } = JSON.parse(text) as { name?: string; version?: string; license?: unknown };
    return name && version ? { name, version, kind: "npm", licence: typeof license === "string" ? license : undefined } : undefined;
  } catch {
    return undefined;
  }
}

/** A licence that is no SPDX expression is left to whoever reads. */
const licenceOf = ({ licence }: Package) => (licence !== undefined && /^[A-Za-z0-9.+ ()-]+$/.test(licence) ? licence : "NOASSERTION");

function purl({ kind, name, version, architecture }: Package): string {
  const escaped = encodeURIComponent;
  if (kind === "deb") return `pkg:deb/debian/${name}@${escaped(version)}?arch=${architecture}&distro=bookworm`;
  return `pkg:${kind}/${name.split("/").map(escaped).join("/")}@${escaped(version)}`;
}

/**
 * What is in an image, as SPDX 2.3 has it. The same image gives the same document: the time is that of its layers.
 *
 * @param id the image's id (`sha256:…`)
 */
export function spdx(image: string, reference: string, id: string, packages: readonly Package[]): string {
  const root = "SPDXRef-Image";
  const elements = packages.map((one, index) => ({
    SPDXID: `SPDXRef-${one.kind}-${index}-${one.name.replaceAll(/[^A-Za-z0-9.-]/g, "-")}`,
    name: one.name, versionInfo: one.version, downloadLocation: "NOASSERTION", filesAnalyzed: false, licenseConcluded: "NOASSERTION", licenseDeclared: licenceOf(one), copyrightText: "NOASSERTION",
    externalRefs: [{ referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: purl(one) }],
  }));
  return canonical({
    spdxVersion: "SPDX-2.3", dataLicense: "CC0-1.0", SPDXID: "SPDXRef-DOCUMENT", name: reference,
    documentNamespace: `https://houseline.invalid/spdx/${image}/${id.replace("sha256:", "")}`,
    creationInfo: { created: new Date(fixedTime * 1_000).toISOString().replace(".000", ""), creators: ["Tool: houseline-images"] },
    packages: [
      { SPDXID: root, name: image, versionInfo: reference, downloadLocation: "NOASSERTION", filesAnalyzed: false, licenseConcluded: "NOASSERTION", licenseDeclared: "NOASSERTION", copyrightText: "NOASSERTION", primaryPackagePurpose: "CONTAINER", checksums: [{ algorithm: "SHA256", checksumValue: id.replace("sha256:", "") }] },
      ...elements,
    ],
    relationships: [
      { spdxElementId: "SPDXRef-DOCUMENT", relationshipType: "DESCRIBES", relatedSpdxElement: root },
      ...elements.map(({ SPDXID }) => ({ spdxElementId: root, relationshipType: "CONTAINS", relatedSpdxElement: SPDXID })),
    ],
  });
}
